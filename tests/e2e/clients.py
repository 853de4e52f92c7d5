#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients of every bad kind, on bare sockets.

    clients.py RUN_DIR MANAGER_PID KIND [ARGUMENT...]

Each kind is a function below. While a bad client is there, a good one must be answered, and when it
has gone the manager must hold no more descriptors and hardly more memory than before.
"""

import array, json, os, re, socket, sys, time

run_dir, manager = sys.argv[1], int(sys.argv[2])
GOOD = {"method": "io.vessel.List", "parameters": {}}
READERS = {"org.varlink.service.GetInfo", "org.varlink.service.GetInterfaceDescription",
           "io.vessel.List", "io.vessel.TemplateList", "io.vessel.Doctor", "io.vessel.Events"}
INVALID = "org.varlink.service.InvalidParameter"


def connect(name="vessel.sock"):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(os.path.join(run_dir, name))
    return s


def receive(s):
    """One message, or None if the connection has been ended."""
    data = b""
    try:
        while not data.endswith(b"\0"):
            more = s.recv(65536)
            if not more:
                return None
            data += more
    except (ConnectionResetError, BrokenPipeError):
        return None
    return json.loads(data[:-1])


def call(message, name="vessel.sock", fds=()):
    """The answer to one message (bytes are sent as they are), or None."""
    s = connect(name)
    data = message if isinstance(message, bytes) else json.dumps(message).encode() + b"\0"
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    try:
        sent = s.sendmsg([data], rights)
        s.sendall(data[sent:])
    except (ConnectionResetError, BrokenPipeError):
        return None
    answer = receive(s)
    s.close()
    return answer


def answered(message, name, seconds):
    """Whether an answer comes that soon."""
    with connect(name) as s:
        s.sendall(json.dumps(message).encode() + b"\0")
        s.settimeout(seconds)
        try:
            return receive(s) is not None
        except TimeoutError:
            return False


def expect(what, got, wanted):
    if got != wanted:
        sys.exit("%s: got %r, not %r" % (what, got, wanted))


def good():
    start = time.monotonic()
    answer = call(GOOD)
    if not answer or "ves" not in answer.get("parameters", {}):
        sys.exit("a good client got no answer: %r" % answer)
    if time.monotonic() - start > 5:
        sys.exit("a good client waited for %.1f s" % (time.monotonic() - start))


def held():
    return len(os.listdir("/proc/%d/fd" % manager))


def resident():
    for line in open("/proc/%d/status" % manager):
        if line.startswith("VmRSS:"):
            return int(line.split()[1])


def check_memory(before, allowed):
    if "libasan" in open("/proc/%d/maps" % manager).read():
        return  # it holds freed memory back, to catch its use
    if resident() > before + allowed:
        sys.exit("resident %d KiB, %d before" % (resident(), before))


def settle(descriptors):
    for _ in range(100):
        if held() <= descriptors:
            return
        time.sleep(0.05)
    sys.exit("the manager holds %d descriptors, %d before" % (held(), descriptors))


def error(answer):
    return answer and answer.get("error")


def dropped():
    """What is no message ends the connection."""
    deep = b'{"method":"io.vessel.List","parameters":' + b'{"a":' * 100000 + b"1" + b"}" * 100001 + b"\0"
    for what, data in [
            ("garbage", os.urandom(5000).replace(b"\0", b"x") + b"\0"),
            ("http", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n\0"),
            ("nothing", b"\0"),
            ("half an object", b'{"method":"io.vessel.List"\0'),
            ("two objects", b'{"method":"io.vessel.List"}{"method":"io.vessel.List"}\0'),
            ("a list", b"[]\0"), ("a string", b'"io.vessel.List"\0'), ("null", b"null\0"),
            ("no method", b"{}\0"), ("a method that is a number", b'{"method":1}\0'),
            ("parameters that are a list", b'{"method":"io.vessel.List","parameters":[]}\0'),
            ("more that is a string", b'{"method":"io.vessel.List","more":"yes"}\0'),
            ("upgrade", b'{"method":"io.vessel.List","upgrade":true}\0'),
            ("a key twice", b'{"method":"io.vessel.List","method":"io.vessel.Doctor"}\0'),
            ("a parameter twice", b'{"method":"io.vessel.Stop","parameters":'
                                  b'{"name":"stopped","name":"running"}}\0'),
            ("no UTF-8", b'{"method":"io.vessel.L\xffist"}\0'),
            ("a NUL in a string", b'{"method":"io.vessel.Start","parameters":{"name":"run\\u0000"}}\0'),
            ("a comment", b'{"method":"io.vessel.List"/* all */}\0'),
            ("a trailing comma", b'{"method":"io.vessel.List",}\0'),
            ("depth", deep), ("lists", b"[" * 500000 + b"\0"),
            ("many keys", b'{"method":"io.vessel.List","parameters":{' +
             b",".join(b'"%d":0' % i for i in range(90000)) + b"}}\0")]:
        expect(what, call(data), None)
        good()


def half():
    s = connect()
    s.sendall(b'{"method":"io.vess')
    good()
    s.sendall(b'el.List"}\0')
    expect("the other half", error(receive(s)), None)
    s.sendall(b'{"method":"io.vess')
    s.close()
    good()


def huge():
    before, sent, s = resident(), 0, connect()
    try:
        s.sendall(b'{"method":"')
        while sent < 100 << 20:
            sent += s.send(b"x" * 65536)
    except (ConnectionResetError, BrokenPipeError):
        pass
    if sent > 4 << 20:
        sys.exit("it read %d bytes of one message" % sent)
    s.close()
    good()
    check_memory(before, 4096)


def never_reads():
    before, s = resident(), connect()
    s.setblocking(False)
    message = b'{"method":"io.vessel.Doctor"}\0'
    try:
        for _ in range(200000):
            s.send(message)
    except BlockingIOError:
        pass
    for _ in range(20):
        good()
    check_memory(before, 8192)
    s.close()
    good()


def descriptors():
    null = os.open("/dev/null", os.O_RDWR)
    message = json.dumps(GOOD).encode() + b"\0"
    expect("nine descriptors", call(message, fds=[null] * 9), None)
    expect("a hundred", call(message, fds=[null] * 100), None)
    expect("eight", error(call(message, fds=[null] * 8)), None)
    s = connect()  # a few with every byte
    try:
        for byte in message:
            s.sendmsg([bytes([byte])], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [null] * 5))])
    except (ConnectionResetError, BrokenPipeError):
        pass
    expect("some with every byte", receive(s), None)
    good()
    for fd in (1, 8, -1, 1 << 40, 0.5, "0"):
        answer = call({"method": "io.vessel.Console", "parameters": {"name": "running", "stream": fd}},
                      fds=[null])
        expect("descriptor %r" % fd, error(answer), INVALID)
    # The archive may be anything: its own connection, a directory, a descriptor without the right.
    a, b = socket.socketpair()
    b.close()
    for what, fd in (("a dead socket", a.fileno()), ("a directory", os.open("/", os.O_RDONLY)),
                     ("a path", os.open("/etc/passwd", os.O_PATH)), ("for writing", os.open("/dev/null", os.O_WRONLY))):
        answer = call({"method": "io.vessel.TemplateImport", "parameters": {"name": "bad", "archive": 0}}, fds=[fd])
        if not error(answer):
            sys.exit("%s was imported: %r" % (what, answer))
    answer = call({"method": "io.vessel.Exec", "parameters": {"name": "running", "argv": ["true"], "status": 0,
                   "stdin": 0, "stdout": 0, "stderr": 0}}, fds=[null])
    expect("a status that is no socket", error(answer), INVALID)
    good()


def description():
    answer = call({"method": "org.varlink.service.GetInterfaceDescription",
                   "parameters": {"interface": "io.vessel"}})
    text = re.sub(r"#.*", "", answer["parameters"]["description"])
    return {name: re.findall(r"(\w+):\s*(\??[\w\[\]]+)", given)
            for name, given in re.findall(r"method (\w+)\s*\((.*?)\)\s*->", text, re.S)}


def parameters():
    """Each parameter of each method, of every wrong kind; unknown and missing ones."""
    wrong = {"string": [1, True, [], {}, 1.5], "bool": ["yes", 1, [], {}], "int": ["1", True, 1.5, -1, [], {}],
             "[]string": ["a", 1, {}, [1], [[]]], "[string]string": ["a", 1, [], {"a": 1}, {"a": None}]}
    examples = {"string": "nothere", "bool": False, "int": 0, "[]string": [], "[string]string": {}}
    count = 0
    for method, rows in description().items():
        full = {name: examples[kind.lstrip("?")] for name, kind in rows if not kind.startswith("?")}
        tries = [dict(full, nonsense=1)]
        tries += [{k: v for k, v in full.items() if k != name} for name in full]
        tries += [dict(full, **{name: value}) for name, kind in rows for value in wrong[kind.lstrip("?")]]
        for given in tries:
            answer = call({"method": "io.vessel." + method, "parameters": given})
            if error(answer) != INVALID or "\n" in answer["parameters"].get("message", "\n"):
                sys.exit("%s(%r): %r" % (method, given, answer))
            count += 1
    for method in ("io.vessel.Nothing", "io.vessel.list", "io.vessel.", "List", "", "org.varlink.service.List",
                   "x" * 100000):
        expect(method[:80], error(call({"method": method})), "org.varlink.service.MethodNotFound")
    expect("an unknown interface", error(call({"method": "org.varlink.service.GetInterfaceDescription",
           "parameters": {"interface": "io.nothing"}})), "org.varlink.service.InterfaceNotFound")
    if count < 100:
        sys.exit("only %d wrong values tried" % count)


def read_only():
    """Every method over the read-only socket: the readers' are answered, all others are not allowed."""
    methods = ["io.vessel." + name for name in description()]
    if not READERS - {"org.varlink.service.GetInfo", "org.varlink.service.GetInterfaceDescription"} < set(methods):
        sys.exit("the interface lacks a method for readers")
    null = os.open("/dev/null", os.O_RDWR)
    for method in methods + sorted(READERS - set(methods)):
        given = {"interface": "io.vessel"} if method.endswith("Description") else {}
        if method not in READERS:
            for parameters in ({}, {"name": "stopped", "nonsense": 1}, {"name": "stopped"}):
                answer = call({"method": method, "parameters": parameters}, "vessel-ro.sock", [null])
                expect(method, (error(answer), answer["parameters"].get("message")),
                       ("io.vessel.NotAllowed", "the read-only socket does not serve " + method))
        elif method == "io.vessel.Events":
            expect(method, answered({"method": method}, "vessel-ro.sock", 0.5), False)  # waits for one
        else:
            expect(method, error(call({"method": method, "parameters": given}, "vessel-ro.sock")), None)


def idle():
    import resource
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    sockets = []
    for i in range(1000):
        sockets.append(connect("vessel.sock" if i % 2 else "vessel-ro.sock"))
        if i % 100 == 99:
            good()
    for _ in range(20):
        good()
    expect("the last of them", error(exchange(sockets[-1])), None)
    for s in sockets:
        s.close()
    good()


def exchange(s):
    s.sendall(json.dumps(GOOD).encode() + b"\0")
    return receive(s)


def as_uid():
    """KIND's argument is a uid: is it answered?"""
    os.setgroups([])
    uid = int(sys.argv[4])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    try:
        print("answered" if call(GOOD) else "refused")
    except PermissionError:
        print("refused")


kinds = {f.__name__: f for f in (dropped, half, huge, never_reads, descriptors, parameters, read_only, idle)}
if sys.argv[3] == "as_uid":
    as_uid()
else:
    good()
    before = held()
    kinds[sys.argv[3]]()
    settle(before)
