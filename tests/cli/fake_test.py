#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command line against a vesseld of paper (fake_daemon.py): output, statuses, terminals."""
import fcntl, json, os, pty, select, shutil, signal, struct, subprocess, sys, tempfile, termios, time
import unittest

here = os.path.dirname(os.path.abspath(__file__))
vessel = os.path.abspath(os.environ.get("VESSEL", "./vessel"))
fresh_env = {"PATH": os.environ["PATH"], "TZ": "UTC", "TERM": "xterm",
             "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")}


class Case(unittest.TestCase):
    def start(self, **env):
        self.dir = tempfile.mkdtemp()
        self.log = os.path.join(self.dir, "requests")
        self.daemon = subprocess.Popen([sys.executable, os.path.join(here, "fake_daemon.py"),
                                        self.dir, self.log], env=dict(fresh_env, **env))
        for _ in range(200):
            if os.path.exists(os.path.join(self.dir, "vessel-ro.sock")) and (
                    env or os.path.exists(os.path.join(self.dir, "vessel.sock"))):
                break
            time.sleep(0.02)
        time.sleep(0.05)
        self.env = dict(fresh_env, VESSEL_INSTANCE=self.dir)

    def setUp(self):
        self.start()

    def tearDown(self):
        self.daemon.terminate()
        self.daemon.wait()
        shutil.rmtree(self.dir)

    def run_vessel(self, *args, stdin=b"", env=None):
        done = subprocess.run([vessel, *args], input=stdin, capture_output=True, timeout=20,
                              env=dict(self.env, **(env or {})))
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def requests(self, method):
        with open(self.log) as log:
            all_of_it = [json.loads(line) for line in log]
        return [r["parameters"] for r in all_of_it if r["method"] == "io.vessel." + method]


class Interrupted(Case):
    def interrupt(self, *args):
        """The daemon hears nothing: what has been sent is under way. It may hold our stderr."""
        with tempfile.TemporaryFile() as err:
            self.daemon.send_signal(signal.SIGSTOP)
            try:
                child = subprocess.Popen([vessel, *args], stderr=err, env=self.env)
                time.sleep(0.5)
                child.send_signal(signal.SIGINT)
                child.wait(10)
            finally:
                self.daemon.send_signal(signal.SIGCONT)
            err.seek(0)
            return child.returncode, err.read().decode()

    def test_one_that_was_sent_goes_on(self):
        self.assertEqual(self.interrupt("restart", "web1"), (
            -signal.SIGINT, "vessel: interrupted; the work goes on (see vessel list)\n"))

    def test_exec_waits_for_no_answer_longer_than_its_caller(self):
        self.assertEqual(self.interrupt("exec", "-T", "web1", "--", "true"), (
            128 + signal.SIGINT, "vessel: ended by INT\n"))

    def test_those_that_were_not_sent_are_counted(self):
        names = ["v%d" % i for i in range(4 * os.cpu_count() + 3)]
        self.assertEqual(self.interrupt("create", *names, "--template", "small", "--start"), (
            -signal.SIGINT, "vessel: interrupted; what was asked for goes on, %d requests were not "
            "sent (see vessel list)\n" % (2 * len(names) - 4 * os.cpu_count())))


class Words(Case):
    def test_list_is_a_table_without_a_terminal_too(self):
        status, out, err = self.run_vessel("list")
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(out.splitlines()[0].split()[:4], ["NAME", "STATE", "IP", "TEMPLATE"])
        self.assertEqual([line.split()[:3] for line in out.splitlines()[1:3]],
                         [["db1", "running", "-"], ["web1", "running", "10.77.0.10"]])

    def test_addresses_are_sorted_as_numbers_and_traffic_is_listed(self):
        self.assertEqual(self.run_vessel("list", "-H", "-s", "ip", "-o", "name,addresses,bytes-in,rate-in,publish")[1],
                         "db1   -                   -     1.5M  8080:80\n"
                         "web2  10.77.0.9,fd00::1   1.5K  1.5M  8080:80\n"
                         "web1  10.77.0.10,fd00::1  1.5K  1.5M  8080:80\n")

    def test_show_tells_of_the_network(self):
        out = self.run_vessel("show", "web1")[1]
        for line in ("net            routed", "addresses      10.77.0.10,fd00::1", "host-interface ve1",
                     "dns            host", "rate-in        1.5M", "publish        8080:80"):
            self.assertIn("  " + line + "\n", out)
        self.assertNotIn("rate-out", out)
        self.assertEqual(out.split("\n\n")[-1],
                         "             BYTES  PACKETS  DROPPED  SPOOFED  CLOSED  CROWDED\n"
                         "network in   1.5K   12       0        -        -       -\n"
                         "network out  1.5K   12       3        3        0       0\n")
        self.assertNotIn("network in", self.run_vessel("show", "db1")[1])

    def test_list_gives_bare_names_for_scripts(self):
        self.assertEqual(self.run_vessel("list", "-Ho", "name"), (0, "db1\nweb1\nweb2\n", ""))

    def test_list_filters_and_sorts(self):
        self.assertEqual(self.run_vessel("list", "-H", "-o", "name", "--state", "running", "-s",
                                         "-name")[1], "web1\ndb1\n")
        self.assertEqual(self.run_vessel("list", "-Ho", "name", "--label", "tier=web")[1],
                         "web1\nweb2\n")

    def test_template_list_takes_the_same_options(self):
        for name, size in (("smaller", 10), ("larger", 2000)):
            self.run_vessel("template", "import", name, "-", stdin=b"y" * size)
        self.assertEqual(self.run_vessel("template", "list", "-Ho", "name,ves", "-s", "-size")[1],
                         "larger   1\nsmaller  1\n")
        self.assertEqual(self.run_vessel("template", "list", "-o", "cpus"), (
            2, "", "vessel: no field 'cpus' (there are: name, size, files, ves, created, problem, "
            "layers, used-by)\n"))

    def test_json_is_always_an_array(self):
        for command in (["list"], ["show", "web1"], ["template", "list"], ["doctor"], ["events"],
                        ["list", "none*"]):
            status, out, _ = self.run_vessel(*command, "--json")
            self.assertEqual(status, 0, command)
            self.assertIsInstance(json.loads(out), list, command)

    def test_one_ve_and_no_terminal_is_silent(self):
        self.assertEqual(self.run_vessel("start", "web2"), (0, "", ""))

    def test_several_ves_get_a_line_each_and_share_a_status(self):
        status, out, err = self.run_vessel("start", "web1", "nosuch", "web2")
        self.assertEqual((status, out), (1, ""))
        self.assertEqual(sorted(err.splitlines()), [
            "vessel: cannot start web1: it is running", "vessel: no VE nosuch (see vessel list)",
            "web2: started"])
        self.assertEqual(self.run_vessel("start", "no1", "no2")[0], 3)

    def test_a_glob_passes_over_what_is_already_so(self):
        self.assertEqual(self.run_vessel("start", "*"), (0, "", ""))
        self.assertEqual([r["name"] for r in self.requests("Start")], ["web2"])
        self.assertEqual(self.run_vessel("start", "none*"), (0, "", ""))

    def test_stop_by_force_says_so(self):
        self.assertEqual(self.run_vessel("stop", "web1"),
                         (0, "", "web1: stopped by force: it did not stop in time\n"))

    def test_busy_says_who_holds_it(self):
        self.assertEqual(self.run_vessel("stop", "db1"), (0, "",
                         "db1: waiting: busy with backup since 2026-11-22 11:46:21 +0000 (uid 0)\n"))

    def test_destroy_by_glob_needs_yes(self):
        self.assertEqual(self.run_vessel("destroy", "web*"), (
            2, "", "vessel: cannot destroy by glob or --all unasked: add --yes\n"))
        self.assertEqual(self.run_vessel("destroy", "web2", "--yes")[0], 0)

    def test_settings_travel_as_typed(self):
        self.assertEqual(self.run_vessel("create", "a", "--template", "small", "--memory=1.5G",
                                         "--label", "+a=1", "--label=-b", "--start", "--wait")[0], 0)
        self.assertEqual(self.requests("Create"), [{"name": "a", "template": "small", "settings":
                                                    {"memory": "1.5G", "label": "+a=1,-b"}}])
        self.assertEqual(self.requests("Start"), [{"name": "a", "wait": True}])

    def test_password_and_key_are_read_here(self):
        key = os.path.join(self.dir, "key")
        with open(key, "w") as file:
            file.write("ssh-ed25519 AAAA me\n")
        self.assertEqual(self.run_vessel("set", "web1", "--password", "-", "--ssh-key", key,
                                         stdin=b"secret word\nrest\n")[0], 0)
        self.assertEqual(self.requests("Set")[0]["password"], "secret word")
        self.assertEqual(self.requests("Set")[0]["ssh_key"], "ssh-ed25519 AAAA me\n")
        self.assertEqual(self.run_vessel("set", "web1", "--password", "secret")[0], 2)

    def test_pending_is_said(self):
        self.assertEqual(self.run_vessel("set", "web1", "--init", "/x"),
                         (0, "", "web1: kept for the next start: init\n"))

    def test_refusals_name_the_word_to_use(self):
        for args, status, line in [
                (["rm", "x"], 2, "no command 'rm': use vessel destroy"),
                (["frob"], 2, "no command 'frob' (see vessel --help)"),
                (["template", "frob"], 2,
                 "no command 'template frob' (import, build, list, show, remove)"),
                (["list", "--frob"], 2, "unknown option --frob (see vessel list --help)"),
                (["list", "-x"], 2, "unknown option -x (see vessel list --help)"),
                (["start", "--wai", "a"], 2, "unknown option --wai (see vessel start --help)"),
                (["start", "--timeout", "5", "a"], 2, "--timeout needs --wait"),
                (["start", "--wait", "--timeout", "x", "a"], 2, "bad value 'x' for --timeout (a number)"),
                (["start", "--all", "a"], 2, "--all and names at once (see vessel start --help)"),
                (["start"], 2, "too few words (usage: vessel start VE...)"),
                (["kill", "web1"], 2, "kill needs a signal (-s SIGNAL)"),
                (["set", "web1"], 2, "nothing to set (see vessel set --help)"),
                (["create", "x", "--memory"], 2, "--memory needs a value (SIZE)"),
                (["--instance", "a b", "list"], 2, "bad instance 'a b' (a-z, 0-9 and '-', or the "
                 "path of a run directory)"),
                (["--instance", "/nowhere", "start", "a"], 6,
                 "vesseld is not running: nothing answers at /nowhere/vessel.sock"),
                (["--instance", "/nowhere", "shutdown"], 6,
                 "vesseld is not running: nothing answers at /nowhere/vessel.sock"),
                (["exec", "--instance", "/nowhere", "a", "b"], 125,
                 "vesseld is not running: nothing answers at /nowhere/vessel.sock"),
                (["template", "build", "x"], 2,
                 "template build needs one of --suite SUITE, --busybox"),
                (["show", "nosuch"], 3, "no VE nosuch (see vessel list)")]:
            self.assertEqual(self.run_vessel(*args), (status, "", f"vessel: {line}\n"), args)

    def test_autostart_and_shutdown_say_a_line_each_and_share_a_status(self):
        self.assertEqual(self.run_vessel("autostart"), (0, "", "web2: started\n"))
        self.assertEqual(self.run_vessel("autostart"), (0, "", ""))
        self.assertEqual(self.run_vessel("shutdown"), (
            1, "", "vessel: cannot do it to db1: it is paper\nweb1: stopped by force: it did not stop "
            "in time\nweb2: stopped\n"))
        self.assertEqual(self.run_vessel("shutdown"), (
            5, "", "vessel: cannot do it to db1: it is paper\n"))

    def test_help_goes_to_stdout(self):
        status, out, err = self.run_vessel("create", "--help")
        self.assertEqual((status, err), (0, ""))
        self.assertIn("--cpu-weight N", out)

    def test_a_full_disk_behind_stdout_is_a_failure(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([vessel, "list"], stdout=full, stderr=subprocess.PIPE,
                                  env=self.env, timeout=20)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, b"vessel: cannot write to standard output: ENOSPC\n")


class ReadOnly(Case):
    def setUp(self):
        self.start(FAKE_READ_ONLY="1")

    def test_list_falls_back_to_the_socket_that_changes_nothing(self):
        self.assertEqual(self.run_vessel("list", "-Ho", "name", "web1"), (0, "web1\n", ""))
        self.assertEqual(self.run_vessel("start", "web2")[0], 6)


class Log(Case):
    def put(self, name, text, mode="w"):
        with open(os.path.join(self.dir, name), mode) as file:
            file.write(text)

    def test_log_joins_its_files_and_cuts(self):
        self.put("log.1", "a\nb\n")
        self.put("log", "c\nd\n")
        self.assertEqual(self.run_vessel("log", "web1"), (0, "a\nb\nc\nd\n", ""))
        self.assertEqual(self.run_vessel("log", "-n", "3", "web1")[1], "b\nc\nd\n")
        self.assertEqual(self.run_vessel("log", "-n0", "web1")[1], "")

    def test_follow_survives_a_rotation(self):
        self.put("log", "a\n")
        child = subprocess.Popen([vessel, "log", "-f", "web1"], stdout=subprocess.PIPE, env=self.env)
        self.assertEqual(child.stdout.readline(), b"a\n")
        self.put("log", "b\n", "a")
        self.assertEqual(child.stdout.readline(), b"b\n")
        os.rename(os.path.join(self.dir, "log"), os.path.join(self.dir, "log.1"))
        self.put("log", "c\n")
        self.assertEqual(child.stdout.readline(), b"c\n")
        child.terminate()
        child.wait()
        child.stdout.close()


class Exec(Case):
    def test_status_and_streams_pass_untouched(self):
        self.assertEqual(self.run_vessel("exec", "web1", "--", "sh", "-c", "cat; echo e >&2; exit 7",
                                         stdin=b"in\0\xc3\xa4"), (7, "in\0\u00e4", "e\n"))
        self.assertEqual(self.run_vessel("exec", "web1", "sh", "-c", "kill -9 $$")[0], 137)

    def test_all_after_the_ve_is_the_command(self):
        self.assertEqual(self.run_vessel("exec", "--env", "A=1", "--env", "B=2", "web1", "sh", "-c",
                                         "echo $A$B $*", "x", "-n", "--help")[1], "12 -n --help\n")

    def test_no_stdin_leaves_the_callers_alone(self):
        self.assertEqual(self.run_vessel("exec", "-n", "web1", "cat", stdin=b"mine")[1], "")

    def test_failures_of_vessel_are_125_to_127(self):
        self.assertEqual(self.run_vessel("exec", "web1", "nothing"), (
            127, "", "vessel: cannot run nothing in web1: not found\n"))
        self.assertEqual(self.run_vessel("exec", "web2", "true")[0], 125)
        self.assertEqual(self.run_vessel("exec", "web1")[0], 125)

    def test_signals_reach_the_program(self):
        child = subprocess.Popen([vessel, "exec", "web1", "sh", "-c", "trap 'exit 9' USR1; echo up; "
                                  "while :; do sleep 0.05; done"], stdout=subprocess.PIPE,
                                 stdin=subprocess.DEVNULL, env=self.env)
        self.assertEqual(child.stdout.readline(), b"up\n")
        child.send_signal(signal.SIGUSR1)
        self.assertEqual(child.wait(10), 9)
        child.stdout.close()


class Terminal(Case):
    def open(self, *args, stdout=None):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
        self.before = termios.tcgetattr(slave)
        child = subprocess.Popen([vessel, *args], stdin=slave, stdout=stdout or slave, stderr=slave,
                                 env=self.env, start_new_session=True,
                                 preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        self.slave = slave
        return child, master

    def read_until(self, fd, wanted):
        got = b""
        end = time.time() + 10
        while wanted not in got:
            self.assertTrue(select.select([fd], [], [], max(0, end - time.time()))[0], got)
            got += os.read(fd, 4096)
        return got

    def restored(self):
        self.assertEqual(termios.tcgetattr(self.slave), self.before)

    def test_window_size_and_exit_status(self):
        child, master = self.open("exec", "web1", "sh", "-c", "stty size; tty -s; read x; exit 5")
        self.read_until(master, b"33 99\r\n")
        os.write(master, b"\r")
        self.assertEqual(child.wait(10), 5)
        self.restored()

    def test_a_new_window_size_goes_inside(self):
        child, master = self.open("exec", "web1", "sh", "-c",
                                  "trap 'stty size; exit 3' WINCH; echo up; while :; do sleep 0.05; done")
        self.read_until(master, b"up")
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 44, 111, 0, 0))
        self.read_until(master, b"44 111")
        self.assertEqual(child.wait(10), 3)
        self.restored()

    def test_interrupt_is_a_byte_for_the_inside(self):
        child, master = self.open("exec", "web1", "sh", "-c", "trap 'echo INT; exit 4' INT; echo up; "
                                  "while :; do sleep 0.05; done")
        self.read_until(master, b"up")
        os.write(master, b"\x03")
        self.read_until(master, b"INT")
        self.assertEqual(child.wait(10), 4)
        self.restored()

    def test_terminated_it_restores_the_terminal(self):
        child, master = self.open("exec", "web1", "sh", "-c", "echo up; sleep 5")
        self.read_until(master, b"up")
        child.send_signal(signal.SIGTERM)
        self.assertEqual(child.wait(10), 128 + signal.SIGTERM)
        self.restored()

    def test_all_output_comes_before_the_end(self):
        child, master = self.open("exec", "web1", "sh", "-c", "seq 20000; echo END")
        self.read_until(master, b"20000\r\nEND\r\n")
        self.assertEqual(child.wait(10), 0)

    def test_without_a_terminal_it_never_crosses(self):
        child, master = self.open("exec", "-T", "web1", "sh", "-c",
                                  "test ! -t 0 && test ! -t 1 && test ! -t 2 && cat; seq 5000; exit 6")
        time.sleep(0.2)
        os.write(master, b"line\n\x04")
        self.read_until(master, b"5000\r\n")
        self.assertEqual(child.wait(10), 6)
        self.restored()

    def test_enter_is_a_shell_on_a_terminal(self):
        child, master = self.open("enter", "web1")
        os.write(master, b"test -t 0 && echo ter''minal; exit 8\r")
        self.read_until(master, b"terminal\r\n")
        self.assertEqual(child.wait(10), 8)
        self.restored()

    def test_console_types_and_leaves(self):
        child, master = self.open("console", "web1")
        self.read_until(master, b"login: ")
        os.write(master, b"ab")
        self.read_until(master, b"got ab")
        self.assertEqual(child.wait(10), 0)
        self.restored()

    def test_ctrl_bracket_leaves_the_console(self):
        child, master = self.open("console", "web1")
        self.read_until(master, b"login: ")
        os.write(master, b"\x1d")
        self.assertEqual(child.wait(10), 0)
        self.restored()

    def test_destroy_asks_on_a_terminal(self):
        child, master = self.open("destroy", "web*")
        self.read_until(master, b"vessel: destroy web1, web2? [y/N] ")
        os.write(master, b"n\n")
        self.assertEqual(child.wait(10), 2)
        self.assertEqual(self.requests("Destroy"), [])

    def test_one_line_on_a_terminal(self):
        child, master = self.open("start", "web2")
        self.read_until(master, b"web2: started\r\n")
        self.assertEqual(child.wait(10), 0)


class Build(Case):
    def tool(self, text):
        bin_dir = os.path.join(self.dir, "bin")
        os.mkdir(bin_dir)
        path = os.path.join(bin_dir, "mmdebstrap")
        with open(path, "w") as file:
            file.write("#!/bin/sh\n" + text)
        os.chmod(path, 0o755)
        return {"PATH": bin_dir + ":" + fresh_env["PATH"]}

    def test_whole_output_is_imported(self):
        env = self.tool("echo \"$@\" >&2; head -c 300000 /dev/zero")
        status, out, err = self.run_vessel("template", "build", "deb", "--suite", "none", "--include",
                                           "cron", env=env)
        self.assertEqual((status, out), (0, ""), err)
        self.assertIn("--include=init,cron", err)
        self.assertEqual(os.path.getsize(os.path.join(self.dir, "import.tar")), 300000)

    def test_a_failed_build_breaks_the_stream(self):
        env = self.tool("head -c 300000 /dev/zero; exit 3")
        self.assertEqual(self.run_vessel("template", "build", "deb", "--suite", "none", env=env), (
            1, "", "vessel: cannot build template deb: mmdebstrap failed with status 3\n"))
        self.assertEqual(json.loads(self.run_vessel("template", "list", "--json")[1]), [])

    def test_a_killed_build_breaks_the_stream(self):
        env = self.tool("head -c 300000 /dev/zero; sleep 1")
        child = subprocess.Popen([vessel, "template", "build", "deb", "--suite", "none"],
                                 env=dict(self.env, **env), start_new_session=True)
        time.sleep(0.5)
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        time.sleep(0.3)
        self.assertEqual(json.loads(self.run_vessel("template", "list", "--json")[1]), [])

    def test_a_refusal_ends_the_builder(self):
        env = self.tool("head -c 100 /dev/zero; exec sleep 30")
        with open(os.path.join(self.dir, "x.tar"), "wb") as file:
            file.write(b"x")
        self.assertEqual(self.run_vessel("template", "import", "deb", file.name)[0], 0)
        self.assertEqual(self.run_vessel("template", "build", "deb", "--suite", "none", env=env), (
            4, "", "vessel: cannot import template deb: it exists\n"))

    def test_import_passes_the_descriptor(self):
        self.assertEqual(self.run_vessel("template", "import", "x", "-", stdin=b"y" * 200000)[0], 0)
        self.assertEqual(os.path.getsize(os.path.join(self.dir, "import.tar")), 200000)
        self.assertEqual(self.run_vessel("template", "import", "x", "/nosuch"), (
            2, "", "vessel: cannot import template x: cannot open /nosuch: ENOENT\n"))


if __name__ == "__main__":
    unittest.main()
