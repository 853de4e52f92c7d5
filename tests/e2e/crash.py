#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kills manager, job or both, at every step of every operation and at random moments under load.

  crash.py steps   BUILD STATE_DIR RUN_DIR FIRST_ID    every step of every operation, each victim
  crash.py random  BUILD STATE_DIR RUN_DIR FIRST_ID N  N random moments under load; prints its seed
  crash.py share   BUILD STATE_DIR RUN_DIR FIRST_ID I  every sixth of the steps, from the I-th on

Each client must get an answer or a broken connection; each VE must be as before or as after. What list
and show say then must agree with the records and the kernel, and the same request again must succeed, or
be refused as done already where its effect is there. What the host holds afterwards is compared by the
caller.
"""

import json, os, random, shutil, signal, subprocess, sys, threading, time

mode, build, state_dir, run_dir, first_id = sys.argv[1:6]
instance = os.environ["VESSEL_INSTANCE"]
vessel, vesseld = build + "/vessel", build + "/vesseld"
failures = []
# What is the host's network to vesseld; a share has one of its own, and is in it itself.
IN_NETNS = ["nsenter", "--net=/run/netns/" + os.environ["VESSEL_NETNS"]] if mode != "share" else []
SHARES = int(os.environ.get("VESSEL_CRASH_SHARES", "6"))  # waiting is most of it
BLOCKS = 60  # of ids, for each


def say(text):
    print("# " + text, flush=True)


def fail(text):
    failures.append(text)
    say("FAILED: " + text)


def call(*words, timeout=90, stdin=subprocess.DEVNULL):
    p = subprocess.run([vessel, *words], stdin=stdin, capture_output=True, text=True, timeout=timeout)
    return p.returncode, p.stdout, p.stderr


class Daemon:
    def __init__(self, *options):
        self.log = open(os.path.join(state_dir, "..", "vesseld.log"), "ab")
        self.keeper = subprocess.Popen(
            [*IN_NETNS, vesseld, "--instance", instance, "--state-dir", state_dir, "--ids",
             "%d-%d" % (int(first_id), int(first_id) + 65536 * BLOCKS - 1), *options],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        try:
            self.wait_up()
        except BaseException:
            self.stop()
            raise

    def wait_up(self, seconds=30):
        end = time.time() + seconds
        while time.time() < end:
            if call("list")[0] == 0:
                return
            time.sleep(0.05)
        raise SystemExit("vesseld does not answer")

    def children(self):
        found = {"manager": [], "job": []}
        keeper = str(self.keeper.pid)
        for pid in look("/proc", keeper, "task", keeper, "children").split():
            stat, line = look("/proc", pid, "stat"), look("/proc", pid, "cmdline")
            name, state = stat[stat.find("(") + 1:stat.rfind(")")], stat[stat.rfind(")") + 2:][:1]
            if state in ("", "Z"):
                continue
            if name == "vessel-job":
                found["job"].append((int(pid), state))
            elif "--manager" in line:
                found["manager"].append((int(pid), state))
        return found

    def stop(self):
        """Ends it. A job that is held just then would be held for ever: nobody else knows of it."""
        self.keeper.terminate()
        end = time.time() + 20
        while self.keeper.poll() is None and time.time() < end:
            go_on()
            time.sleep(0.02)
        self.keeper.kill()  # or it has ended
        self.keeper.wait()
        go_on()


def go_on():
    """Lets the held jobs of this instance go on, whoever their parent is by now."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = open("/proc/%s/stat" % pid).read()
            if "(vessel-job) T" in stat and instance in open("/proc/%s/cmdline" % pid).read().split("\0"):
                os.kill(int(pid), signal.SIGCONT)
        except (OSError, ValueError):
            pass


def kill(pids, number=signal.SIGKILL):
    for pid, _ in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def record(name):
    code, out, _ = call("show", "--json", name)
    return json.loads(out)[0] if code == 0 else None


def prepare_none():
    pass


def prepare_stopped():
    assert call("create", "x", "--template", "small")[0] == 0


def prepare_running():
    prepare_stopped()
    assert call("start", "x", "--wait")[0] == 0


def prepare_paused():
    prepare_running()
    assert call("pause", "x")[0] == 0


def prepare_import():
    assert call("template", "import", "imported", ARCHIVE)[0] == 0


KEY = os.path.join(state_dir, "..", "key.pub")
ARCHIVE = os.path.join(state_dir, "..", "import.tar")

def there(name):
    return record(name) is not None


def state(name):
    r = record(name)
    return r and r["state"]


def imported():
    return call("template", "show", "imported")[0] == 0


def gone():
    return not there("x")


def kept(victims):
    """Only the loss of the job that starts it again may leave a VE down, where a manager heard of it."""
    return ("stopped", "running") if "job" in victims else ("running",)


ALREADY, ABSENT = 4, 3
CREATE = ["create", "x", "--template", "small"]

# The job whose steps are held: what must be there before, the request, the states that it may leave the
# VE in, whether its effect is there, and how the same request then ends (0: it may be made again).
CASES = [
    ("create", prepare_none, CREATE, (None, "stopped"), lambda: there("x"), ALREADY),
    # A guest's own tool sets the key, in place of init; the record becomes whole after that.
    ("helper", prepare_none, CREATE + ["--ssh-key", KEY], (None, "stopped"), lambda: there("x"), ALREADY),
    ("commit", prepare_none, CREATE + ["--ssh-key", KEY], (None, "stopped"), lambda: there("x"), ALREADY),
    ("start", prepare_stopped, ["start", "x"], ("stopped", "running"), lambda: state("x") == "running", ALREADY),
    ("start", prepare_running, ["restart", "x"], kept, lambda: state("x") == "stopped", ALREADY),
    ("reclaim", prepare_running, ["stop", "x", "--force"], ("stopped", "running"),
     lambda: state("x") == "stopped", ALREADY),
    ("reclaim", prepare_running, ["restart", "x"], ("running",), lambda: False, 0),
    ("set", prepare_running, ["set", "x", "--memory", "96M", "--hostname", "other"], ("running",), lambda: False, 0),
    ("set", prepare_running, ["set", "x", "--memory", "96M", "--live"], ("running",), lambda: False, 0),
    ("freeze", prepare_running, ["pause", "x"], ("running", "paused"), lambda: state("x") == "paused", ALREADY),
    ("thaw", prepare_paused, ["resume", "x"], ("running", "paused"), lambda: state("x") == "running", ALREADY),
    ("rename", prepare_stopped, ["rename", "x", "y"], ("stopped", None), gone, ABSENT),
    ("destroy", prepare_stopped, ["destroy", "x"], ("stopped", None), gone, ABSENT),
    ("destroy", prepare_running, ["destroy", "x", "--force"], ("stopped", "running", None), gone, ABSENT),
    # What destroy has thrown away; or what was there before, and then it may not have been heard.
    ("collect", prepare_stopped, ["destroy", "x"], ("stopped", None), gone, ABSENT),
    ("exec", prepare_running, ["exec", "-n", "x", "--", "true"], ("running",), lambda: False, 0),
    ("import", prepare_none, ["template", "import", "imported", ARCHIVE], (None,), imported, ALREADY),
    ("template-remove", prepare_import, ["template", "remove", "imported"], (None,), lambda: not imported(), ABSENT),
]
# Jobs that stand there when the client has its answer already.
LATER = ("collect", "exec:done")
# A restart starts like a start, whose inner steps are tried there.
OUTER = ("enter", "launch", "clone", "register", "store", "done")

MOUNTS = [line.split() for line in open("/proc/mounts")]
V2 = next(m[1] for m in MOUNTS if m[2] == "cgroup2")
V1_MEMORY = next((m[1] for m in MOUNTS if m[2] == "cgroup" and "memory" in m[3].split(",")), None)


def read(*path):
    with open(os.path.join(*path)) as f:
        return f.read().strip()


def look(*path):
    """The same of what may be gone any moment."""
    try:
        return read(*path)
    except (OSError, ValueError):
        return ""


def memory_of(r):
    group = r["cgroup"].lstrip("/")
    if V1_MEMORY:
        return int(read(V1_MEMORY, group, "memory.limit_in_bytes"))
    return int(read(V2, group, "memory.max"))


def size(value):
    """Of a record: a number, or with a unit."""
    units = "KMGT"
    return value if isinstance(value, int) else int(value[:-1]) << 10 * (units.index(value[-1]) + 1)


def network():
    """Links and what the filter knows of them, as this network namespace has them; tables stand in
    the order in which they were made last."""
    links = [line.split(":")[0].strip() for line in open("/proc/self/net/dev") if ":" in line]
    rules = subprocess.run(["nft", "-s", "list", "ruleset"], capture_output=True, text=True, check=True)
    tables = (table.strip() for table in ("\n" + rules.stdout).split("\ntable "))
    return sorted(links), sorted(table for table in tables if table)


def network_as(what, before):
    """The kernel takes its time over the links of a namespace that is gone."""
    end = time.time() + 10
    while network() != before:
        if time.time() > end:
            fail("%s: left in the network: %s, not %s" % (what, network(), before))
            return
        time.sleep(0.1)


def idle(daemon, seconds=40):
    """Nothing is under way, nor about to be."""
    end, quiet = time.time() + seconds, 0
    while quiet < 3 and time.time() < end:
        code, out, _ = call("list", "--json")
        busy = code != 0 or daemon.children()["job"] or any(
            r["busy"] or r["state"] in ("starting", "stopping") for r in json.loads(out))
        quiet = 0 if busy else quiet + 1
        time.sleep(0.02)
    if quiet < 3:
        fail("work goes on for ever")


def agree(what, r):
    """One VE as shown, against its record and the kernel."""
    group = os.path.join(V2, r["cgroup"].lstrip("/")) if r["cgroup"] else None
    alive = r["state"] in ("running", "paused")
    with open(os.path.join(state_dir, "ve", r["name"], "config.json")) as f:
        disk = json.load(f)
    if disk["uuid"] != r["uuid"] or disk["run"] != alive:
        fail("%s: %s is %s, and its record has run %s" % (what, r["name"], r["state"], disk["run"]))
    if alive != (r["pid"] is not None and os.path.exists("/proc/%d" % (r["pid"] or 0))):
        fail("%s: %s is %s, with the pid %s" % (what, r["name"], r["state"], r["pid"]))
    if not alive:
        if group and os.path.exists(group):
            fail("%s: %s is stopped and has a cgroup" % (what, r["name"]))
        return
    if (read(group, "cgroup.freeze") == "1") != (r["state"] == "paused"):
        fail("%s: %s is %s, and the kernel has frozen %s" % (what, r["name"], r["state"], read(group, "cgroup.freeze")))
    limit, stored = r["limits"]["memory"]["limit"], size(disk["settings"]["memory"])
    if not limit == memory_of(r) == stored and "--live" not in what:
        fail("%s: memory: shown %s, record %s, kernel %s" % (what, limit, stored, memory_of(r)))
    if (disk["settings"].get("hostname") == "other") != ("hostname" in r["pending"]):
        fail("%s: hostname is %s and pending %s" % (what, disk["settings"].get("hostname"), r["pending"]))


def all_agree(what):
    """The table is what the store and the kernel say."""
    shown = json.loads(call("list", "--json")[1])
    stored = sorted(n for n in os.listdir(os.path.join(state_dir, "ve"))
                    if n[0] != "." and not os.path.exists(os.path.join(state_dir, "ve", n, "op.json")))
    if sorted(r["name"] for r in shown) != stored:
        fail("%s: listed %s, stored %s" % (what, sorted(r["name"] for r in shown), stored))
    for r in shown:
        if r["name"] in stored:
            agree(what, r)


def again(what, words, effect, status):
    """The same request again: done, or done already."""
    wanted = status if effect() else 0
    code, _, err = call(*words)
    if code != wanted:
        fail("%s: again: status %d, not %d: %s" % (what, code, wanted, err.strip()))


def kept_going(daemon):
    """From now on nothing stays held, until what is returned is called."""
    over = threading.Event()

    def release():
        while not over.is_set():
            kill([c for c in daemon.children()["job"] if c[1] == "T"], signal.SIGCONT)
            time.sleep(0.02)

    def stop():
        over.set()
        releaser.join()

    releaser = threading.Thread(target=release, daemon=True)
    releaser.start()
    return stop


def hold(daemon, step, words, victims):
    """Makes the request, kills when a job stands at the step, and lets nothing be held from then on.
    Returns how to end that, and the client's status."""
    client = subprocess.Popen([vessel, *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True)
    held, end = [], time.time() + 20
    while not held and time.time() < end and (step.startswith(LATER) or client.poll() is None):
        held = [c for c in daemon.children()["job"] if c[1] == "T"]
        time.sleep(0.01)
    if not held:
        fail("%s: no job stopped there (client: %s)" % (step, client.poll()))
    found = daemon.children()
    for victim in victims:
        kill(held if victim == "job" else found[victim])
    stop = kept_going(daemon)
    try:
        client.wait(60)
    except subprocess.TimeoutExpired:
        client.kill()
        fail("%s, %s killed: the client got no answer" % (step, victims))
    return stop, client.returncode


def one_case(step, victims, case):
    _, prepare, words, allowed, effect, status = case
    what = "%s in %s, %s killed" % (step, " ".join(words), " and ".join(victims))
    daemon = Daemon("--hold", step)
    try:
        before = network()
        stop = kept_going(daemon)
        prepare()
        stop()
        stop, answer = hold(daemon, step, words, victims)
        daemon.wait_up()
        idle(daemon)
        if answer == 0 and status != 0 and words[0] != "restart" and not effect():
            fail("%s: acknowledged, and not there" % what)
        if state("x") not in (allowed(victims) if callable(allowed) else allowed):
            fail("%s: x is %s" % (what, state("x")))
        if words[0] == "rename" and there("x") == there("y"):
            fail("%s: neither or both of x and y are there" % what)
        all_agree(what)
        again(what, words, effect, status)
        idle(daemon)
        all_agree(what + ", again")
        for name in ("x", "y"):
            if there(name):
                code, _, err = call("destroy", name, "--force")
                if code != 0:
                    fail("%s: destroy: %s" % (what, err.strip()))
        call("template", "remove", "imported")
        stop()
        network_as(what, before)
    finally:
        daemon.stop()


def all_cases():
    steps = subprocess.run([vesseld, "--steps"], capture_output=True, text=True, check=True).stdout.split()
    cases = [(s, v, c) for s in steps for c in CASES
             if s.split(":")[0] == c[0] and ((c[0], c[2][0]) != ("start", "restart") or s.split(":")[1] in OUTER)
             for v in (("job",), ("manager",), ("job", "manager"))]
    only = os.environ.get("VESSEL_CRASH_ONLY")  # an operation, or a step, while one looks for a fault
    cases = [c for c in cases if not only or c[0].startswith(only)]
    part = float(os.environ.get("VESSEL_CRASH_PART", "1"))
    return random.Random(os.environ["VESSEL_SEED"]).sample(cases, int(len(cases) * part))


def nothing_left():
    """No VE, and in the end no trash either, and no more of the network than a loopback."""
    daemon, end = Daemon(), time.time() + 20
    while os.listdir(os.path.join(state_dir, "trash")) and time.time() < end:
        time.sleep(0.05)
    for folder in ("trash", "ve"):
        if os.listdir(os.path.join(state_dir, folder)):
            fail("left in %s: %s" % (folder, os.listdir(os.path.join(state_dir, folder))))
    daemon.stop()
    network_as("in the end", (["lo"], []))


def run_share(i):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for case in all_cases()[i::SHARES]:
        begun = time.time()
        one_case(*case)
        if time.time() - begun > 10:
            say("%s, %s killed took %.1f s" % (*case[:2], time.time() - begun))
    nothing_left()


def run_steps():
    """Each share is an instance of its own, with a copy of the state."""
    os.environ.setdefault("VESSEL_SEED", str(random.randrange(1 << 30)))
    say("%d cases, seed %s" % (len(all_cases()), os.environ["VESSEL_SEED"]))
    homes = [os.path.join(state_dir, "..", "share%d" % i) for i in range(SHARES)]
    children = []
    for i, home in enumerate(homes):
        os.mkdir(home)
        subprocess.run(["cp", "-a", state_dir, home], check=True)
        os.unlink(os.path.join(home, os.path.basename(state_dir), "addresses"))  # each chooses its own
        children.append(subprocess.Popen(
            ["unshare", "--net", sys.executable, __file__, "share", build, home + "/" + os.path.basename(state_dir), run_dir,
             str(int(first_id) + i * 65536 * BLOCKS), str(i)],
            env=dict(os.environ, VESSEL_INSTANCE="%ss%d" % (instance, i))))
    for child in children:
        if child.wait() != 0:
            failures.append("a share")
    with open(os.path.join(state_dir, "..", "vesseld.log"), "ab") as log:
        for home in homes:
            with open(home + "/vesseld.log", "rb") as of_share:
                shutil.copyfileobj(of_share, log)
            if not failures:
                shutil.rmtree(home)


def run_random(n):
    seed = int(os.environ.get("VESSEL_SEED", random.randrange(1 << 30)))
    say("seed %d, %d kills" % (seed, n))
    rng = random.Random(seed)
    daemon = Daemon()
    running = threading.Event()
    running.set()
    names = ["r%d" % i for i in range(6)]
    no_answer = []

    def load(name, rng):
        while running.is_set():
            words = rng.choice([["create", name, "--template", "small"], ["start", name], ["start", name, "--wait"],
                                ["exec", "-n", name, "--", "true"], ["set", name, "--pids", str(rng.randrange(50, 90))],
                                ["stop", name], ["stop", name, "--force"], ["destroy", name, "--force"],
                                ["pause", name], ["resume", name]])
            try:
                call(*words, timeout=150)
            except subprocess.TimeoutExpired:
                no_answer.append(" ".join(words))

    try:
        threads = [threading.Thread(target=load, args=(name, random.Random(rng.random()))) for name in names]
        for t in threads:
            t.start()
        for _ in range(n):
            time.sleep(rng.random() * 0.25)
            found = daemon.children()
            victim = rng.choice(["job", "manager", "both"])
            if victim in ("job", "both") and found["job"]:
                kill([rng.choice(found["job"])])
            if victim in ("manager", "both"):
                kill(found["manager"])
        running.clear()
        for t in threads:
            t.join(200)
        daemon.wait_up(60)
        for words in no_answer:
            fail("no answer: " + words)
        idle(daemon)
        all_agree("after the kills")
        for name in names:
            r = record(name)
            if r is None:
                continue
            if r["state"] in ("broken", "starting", "stopping"):
                fail("%s is %s: %s" % (name, r["state"], r["problem"]))
            again("after the kills", ["destroy", name, "--force"], lambda: False, 0)
    finally:
        running.clear()
        daemon.stop()


if mode in ("steps", "share"):
    with open(KEY, "w") as f:
        f.write("ssh-ed25519 AAAA test\n")
    with open(ARCHIVE, "wb") as f:
        subprocess.run(["tar", "-C", "/etc", "-c", "hosts"], stdout=f, check=True)
if mode == "steps":
    run_steps()
elif mode == "share":
    run_share(int(sys.argv[6]))
else:
    run_random(int(sys.argv[6]))
sys.exit(1 if failures else 0)
