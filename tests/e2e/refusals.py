#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs one group of refusals.table: every row must end as it says, and must change nothing.

    refusals.py list              the names of the groups
    refusals.py run GROUP         its rows, in a shell of the test's environment; TAP-like lines

Host and state are compared around every row: files, modes and records below the state directory,
cgroups, mounts and listening sockets of this instance; links and rules of the network namespace.
"""

import hashlib, os, re, signal, subprocess, sys, tempfile, time

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "refusals.table")
# What the kernel counts goes on by itself, and what a VE says is not ours.
VOLATILE = {"console.log", "console.log.1", "console.log.old"}


def parse():
    """{group: [(kind, text, [status, line...])]}; kind is '+', '$', '%' or '?'."""
    groups, rows = {}, None
    for number, line in enumerate(open(TABLE, encoding="utf-8"), 1):
        line = line.rstrip("\n")
        if not line or line.startswith("#"):
            continue
        if line.startswith("== "):
            rows = groups.setdefault(line[3:], [])
        elif line[:2] in ("+ ", "$ ", "% ", "? "):
            rows.append((line[0], line[2:], []))
        elif rows and rows[-1][0] in "$%" and (re.match(r"\d+ ", line) or line.startswith("| ")):
            rows[-1][2].append(line)
        else:
            sys.exit("refusals.table:%d: not understood: %s" % (number, line))
    return groups


def state(top):
    """Every file below the state directory, but for what lies on the VEs' own disks."""
    lines = []
    for folder, folders, files in os.walk(top):
        inside = os.path.relpath(folder, top).split(os.sep)
        if inside[0] == "trash":  # emptied when the daemon has time, of what came before this row
            folders.clear()
            continue
        if inside[0] == "layer" or inside[-1] == "disk":
            lines += ["%s/%s" % (folder, name) for name in folders + files]
            folders.clear()
            continue
        for name in files:
            path = os.path.join(folder, name)
            if name in VOLATILE:
                continue
            try:
                with open(path, "rb") as file:
                    digest = hashlib.sha256(file.read()).hexdigest()
                lines.append("%s %o %s" % (path, os.lstat(path).st_mode, digest))
            except FileNotFoundError:
                lines.append(path + " is gone")
        lines += [os.path.join(folder, name) for name in folders]
    return lines


def host(instance):
    lines, cgroups = [], []
    for mount in open("/proc/self/mountinfo"):
        fields = mount.split()
        lines.append("mount %s %s" % (fields[4], fields[3]))
        if " - cgroup" in mount:
            cgroups.append(fields[4])
    for top in cgroups:
        for child in os.listdir(top):
            if instance in child:
                lines += ["cgroup " + folder for folder, _, _ in os.walk(os.path.join(top, child))]
    run = "/run/vessel-" + instance
    lines += ["file %s/%s" % (run, name) for name in (os.listdir(run) if os.path.isdir(run) else [])]
    if os.environ.get("VESSEL_TEST_SHARED"):
        lines = [line for line in lines if instance in line]
    return lines + network()


def network():
    """Links, and where rows are about it the packet filter, without what is counted."""
    lines = ["link " + line.split(":")[0].strip() for line in open("/proc/self/net/dev") if ":" in line]
    if sys.argv[2] == "network":
        rules = subprocess.run(["nft", "-s", "list", "ruleset"], capture_output=True, text=True, check=True)
        lines += ["rule " + line for line in rules.stdout.split("\n")]
    return lines


def snapshot():
    return set(state(os.environ["STATE"]) + host(os.environ["VESSEL_INSTANCE"]))


def settled(before):
    """Now; links that go with a network namespace are given the time that the kernel takes."""
    for _ in range(50):
        after = snapshot()
        if not any(line.startswith("link ") for line in after - before):
            break
        time.sleep(0.1)
    return after


class Shell:
    """One bash for all rows, each in a subshell: starting one a row is what takes longest."""

    def __init__(self):
        self.stderr = tempfile.TemporaryFile()
        self.bash = subprocess.Popen(["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=self.stderr, text=True, bufsize=1)

    def run(self, command):
        self.stderr.seek(0)
        self.stderr.truncate()
        signal.alarm(120)  # a row that hangs ends us
        self.bash.stdin.write("(%s\n) </dev/null >/dev/null; echo $?\n" % command)
        status = int(self.bash.stdout.readline())
        signal.alarm(0)
        self.stderr.seek(0)
        return status, self.stderr.read().decode(errors="backslashreplace").rstrip("\n")


def expand(line):
    return re.sub(r"\$([A-Z_]+)", lambda match: os.environ.get(match[1], match[0]), line)


def check(shell, kind, command, expected, before):
    status, stderr = shell.run(command)
    got = [str(status) + " " + line if i == 0 else "| " + line
           for i, line in enumerate(stderr.split("\n"))]
    problems = []
    if got != [expand(line) for line in expected]:
        problems += ["got   " + line for line in got] + ["not   " + expand(line) for line in expected]
    after = settled(before)
    for word, lines in (("new", after - before), ("gone", before - after)):
        problems += ["%-5s %s" % (word, line) for line in sorted(lines)
                     if kind != "%" or "/config.json " not in line]
    return problems, after


def run(rows):
    shell, failed, count = Shell(), 0, 0
    before, wanted = snapshot(), True
    for kind, text, expected in rows:
        if kind == "?":  # a condition on the host for what follows
            wanted = shell.run(text)[0] == 0
        elif not wanted:
            continue
        elif kind == "+":
            status, stderr = shell.run(text)
            if status != 0:
                sys.exit("preparation failed: %s: %s" % (text, stderr))
            before = snapshot()
        else:
            count += 1
            problems, before = check(shell, kind, text, expected, before)
            if problems:
                failed += 1
                print("\n    ".join(["FAILED $ " + text] + problems))
    print("%d rows, %d failed" % (count, failed))
    return 1 if failed or not count else 0


groups = parse()
if sys.argv[1] == "list":
    print("\n".join(groups))
else:
    sys.exit(run(groups[sys.argv[2]]))
