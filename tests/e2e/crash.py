#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kills manager, job or both, at every step of every operation and at random moments under load.

  crash.py steps   BUILD STATE_DIR RUN_DIR FIRST_ID    every step of every operation, each victim
  crash.py random  BUILD STATE_DIR RUN_DIR FIRST_ID N  N random moments under load; prints its seed

Each client must get an answer or a broken connection; each VE must be as before or as after; the same
request again must succeed. What the host holds afterwards is compared by the caller.
"""

import json, os, random, signal, subprocess, sys, threading, time

mode, build, state_dir, run_dir, first_id = sys.argv[1:6]
instance = os.environ["VESSEL_INSTANCE"]
vessel, vesseld = build + "/vessel", build + "/vesseld"
failures = []


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
            [vesseld, "--instance", instance, "--state-dir", state_dir, "--ids",
             "%d-%d" % (int(first_id), int(first_id) + 65536 * 1000 - 1), *options],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.wait_up()

    def wait_up(self, seconds=30):
        end = time.time() + seconds
        while time.time() < end:
            if call("list")[0] == 0:
                return
            time.sleep(0.05)
        raise SystemExit("vesseld does not answer")

    def children(self):
        found = {"manager": [], "job": []}
        for pid in os.listdir("/proc"):
            if not pid.isdigit():
                continue
            try:
                stat = open("/proc/%s/stat" % pid).read()
                name, rest = stat[stat.index("(") + 1:stat.rindex(")")], stat[stat.rindex(")") + 2:].split()
                if int(rest[1]) != self.keeper.pid or rest[0] == "Z":
                    continue
                line = open("/proc/%s/cmdline" % pid).read()
            except (OSError, ValueError):
                continue
            if name == "vessel-job":
                found["job"].append((int(pid), rest[0]))
            elif "--manager" in line:
                found["manager"].append((int(pid), rest[0]))
        return found

    def stop(self):
        """Ends it. A job that is held just then would be held for ever: nobody else knows of it."""
        self.keeper.terminate()
        end = time.time() + 20
        while self.keeper.poll() is None and time.time() < end:
            go_on()
            time.sleep(0.02)
        self.keeper.wait(1)
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


def kill(pids):
    for pid, _ in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def record(name):
    code, out, _ = call("show", "--json", name)
    return json.loads(out)[0] if code == 0 else None


def settled(name, seconds=40):
    """The record once nothing is under way."""
    end = time.time() + seconds
    while time.time() < end:
        r = record(name)
        if r is None or (r["busy"] is None and r["state"] not in ("starting", "stopping")):
            return r
        time.sleep(0.05)
    return r


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


KEY = os.path.join(state_dir, "..", "key.pub")
ARCHIVE = os.path.join(state_dir, "..", "import.tar")

# operation: what must be there, the request, and the states it may leave the VE in.
OPERATIONS = {
    "create": (prepare_none, ["create", "x", "--template", "small"], (None, "stopped")),
    # A guest's own tool sets the key, in place of init; the record becomes whole after that.
    "helper": (prepare_none, ["create", "x", "--template", "small", "--ssh-key", KEY], (None, "stopped")),
    "commit": (prepare_none, ["create", "x", "--template", "small", "--ssh-key", KEY], (None, "stopped")),
    "start": (prepare_stopped, ["start", "x"], ("stopped", "running")),
    "reclaim": (prepare_running, ["stop", "x", "--force"], ("stopped", "running")),
    "set": (prepare_running, ["set", "x", "--memory", "96M"], ("running",)),
    "freeze": (prepare_running, ["pause", "x"], ("running", "paused")),
    "thaw": (prepare_paused, ["resume", "x"], ("running", "paused")),
    "rename": (prepare_stopped, ["rename", "x", "y"], ("stopped", None)),
    "destroy": (prepare_stopped, ["destroy", "x"], ("stopped", None)),
    "collect": (prepare_stopped, ["destroy", "x"], (None,)),  # what destroy has thrown away
    "exec": (prepare_running, ["exec", "-n", "x", "--", "true"], ("running",)),
    "import": (prepare_none, ["template", "import", "imported", ARCHIVE], (None,)),
    "template-remove": (prepare_none, ["template", "remove", "imported"], (None,)),
}


def again_ok(operation, words):
    """The same request again: it succeeds, or finds that it is done already."""
    end = time.time() + 60
    create = operation in ("create", "helper", "commit")
    while True:
        code, _, err = call(*words)
        if code == 0 or (code in (3, 4) and operation not in ("exec", "set") and not (create and record("x") is None)):
            return True
        # The next manager is on its way, or finishes what the last had begun.
        if code in ((4, 6) if create else (6,)) and time.time() < end:
            time.sleep(0.1)
            continue
        fail("%s: %s again: status %d: %s" % (operation, " ".join(words), code, err.strip()))
        return False


def one_case(step, victims):
    operation = step.split(":")[0]
    prepare, words, allowed = OPERATIONS[operation]
    daemon = Daemon("--hold", step)
    try:
        if operation == "template-remove":
            call("template", "import", "imported", ARCHIVE)
        conts = threading.Event()
        prepare()
        client = subprocess.Popen([vessel, *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True)
        held, end = [], time.time() + 20
        while not held and time.time() < end and (operation == "collect" or client.poll() is None):
            held = [c for c in daemon.children()["job"] if c[1] == "T"]
            time.sleep(0.01)
        if not held:
            fail("%s: no job stopped there (client: %s)" % (step, client.poll()))
        found = daemon.children()
        # From now on nothing stays held: the request is made again below.
        def release():
            while not conts.is_set():
                for pid, state in daemon.children()["job"]:
                    if state == "T":
                        try:
                            os.kill(pid, signal.SIGCONT)
                        except ProcessLookupError:
                            pass
                time.sleep(0.02)
        for victim in victims:
            kill(held if victim == "job" else found[victim])
        releaser = threading.Thread(target=release, daemon=True)
        releaser.start()
        try:
            client.wait(60)
        except subprocess.TimeoutExpired:
            client.kill()
            fail("%s, %s killed: the client got no answer" % (step, victims))
        daemon.wait_up()
        r = settled("x")
        state = r["state"] if r else None
        if state not in allowed:
            fail("%s, %s killed: x is %s (%s)" % (step, victims, state, r and r["problem"]))
        if operation == "rename" and (r is None) == (record("y") is None):
            fail("%s, %s killed: neither or both of x and y are there" % (step, victims))
        again_ok(operation, words)
        for name in ("x", "y"):
            if settled(name):
                code, _, err = call("destroy", name, "--force")
                if code not in (0, 3):
                    fail("%s, %s killed: destroy: %s" % (step, victims, err.strip()))
        call("template", "remove", "imported")
        conts.set()
        releaser.join()
    finally:
        daemon.stop()


def run_steps():
    steps = subprocess.run([vesseld, "--steps"], capture_output=True, text=True, check=True).stdout.split()
    cases = [(s, v) for s in steps if s.split(":")[0] in OPERATIONS
             for v in (("job",), ("manager",), ("job", "manager"))]
    only = os.environ.get("VESSEL_CRASH_ONLY")  # an operation, or a step, while one looks for a fault
    cases = [c for c in cases if not only or c[0].startswith(only)]
    part = float(os.environ.get("VESSEL_CRASH_PART", "1"))
    if part < 1:
        seed = int(os.environ.get("VESSEL_SEED", random.randrange(1 << 30)))
        say("a part of %g, seed %d" % (part, seed))
        cases = random.Random(seed).sample(cases, int(len(cases) * part))
    say("%d cases" % len(cases))
    for case in cases:
        begun = time.time()
        one_case(*case)
        if time.time() - begun > 10:
            say("%s, %s killed took %.1f s" % (*case, time.time() - begun))


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
    for name in names:
        r = settled(name)
        if r is None:
            continue
        if r["state"] in ("broken", "starting", "stopping"):
            fail("%s is %s: %s" % (name, r["state"], r["problem"]))
        again_ok("x", ["destroy", name, "--force"])
    daemon.stop()


if mode == "steps":
    with open(KEY, "w") as f:
        f.write("ssh-ed25519 AAAA test\n")
    with open(ARCHIVE, "wb") as f:
        p = subprocess.run(["tar", "-C", "/etc", "-c", "hosts"], stdout=f, check=True)
    run_steps()
else:
    run_random(int(sys.argv[6]))
sys.exit(1 if failures else 0)
