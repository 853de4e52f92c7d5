#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A vesseld of paper: speaks the wire, keeps a few VEs in a dict, runs exec as plain children.

usage: fake_daemon.py RUN_DIR LOG   (every request goes to LOG, one JSON object a line)
"""
import array, fnmatch, json, os, pty, signal, socket, subprocess, sys, threading, time

run_dir, log_path = sys.argv[1], sys.argv[2]
lock = threading.Lock()
ves, templates, children = {}, {}, []


class Refusal(Exception):
    def __init__(self, name, message):
        self.reply = {"error": name, "parameters": {"message": message}}


def limit(value, used=None, **more):
    return dict({"limit": value, "used": used, "peak": None, "total": None, "hits": 0,
                 "enforced": True}, **more)


def interface(address, running):
    flow = {"bytes": 1536, "packets": 12, "dropped": 0}
    return {"name": "eth0", "mode": "routed", "host_interface": "ve1" if running else None,
            "mac": "02:00:00:00:00:01", "address": [address, "fd00::1"], "in": flow,
            "out": dict(flow, dropped=3), "drops": {"spoofed": 3, "closed": 0, "crowded": 0}}


addresses = {"web1": "10.77.0.10", "web2": "10.77.0.9"}


def make(name, state="stopped", template="small"):
    running = state == "running"
    return {"name": name, "uuid": "0-0", "state": state, "problem": None, "busy": None,
            "pending": [], "template": template, "layers": ["sha256:00"], "plan": "default",
            "description": "", "labels": {"tier": "web"} if name.startswith("web") else {},
            "created": "2026-11-22T11:46:21Z", "started": "2026-11-22T11:46:22Z" if running else None,
            "ready": None, "exit": None, "init": "/sbin/init", "pid": 4711 if running else None,
            "first_id": 1048576, "cgroup": "/vessel/ve/" + name, "hostname": name,
            "autostart": "last", "protect": False, "disabled": False, "stop_timeout": 120,
            "profile": "default", "ptys": 64,
            "limits": {"cpus": limit(1.5, 0.02 if running else None, total=81.4),
                       "cpu_weight": limit(100), "swap": limit(0, enforced=False),
                       "memory": limit(536870912, 42991616 if running else None, peak=61865984),
                       "pids": limit(1024, 7 if running else None)},
            "ip": ["auto"], "dns": ["host"], "search": [], "publish": ["8080:80"], "nat": True,
            "isolate": False, "connections": 4096, "rate_in": 1500000, "rate_out": None,
            "net": [interface(addresses[name], running)] if name in addresses else []}


for n, s in (("web1", "running"), ("web2", "stopped"), ("db1", "running")):
    ves[n] = make(n, s)


def find(name):
    if name not in ves:
        raise Refusal("io.vessel.NotFound", f"no VE {name} (see vessel list)")
    return ves[name]


def changes(verb, wrong, to, method_reply=None):
    def run(conn, p, fds, more):
        ve = find(p["name"])
        if ve["state"] == wrong:
            raise Refusal("io.vessel.WrongState", f"cannot {verb} {p['name']}: it is {wrong}")
        if p["name"] == "db1" and more:
            conn.send({"busy": {"command": "backup", "since": "2026-11-22T11:46:21Z", "uid": 0}}, True)
        with lock:
            ve["state"] = to
        return method_reply(p) if method_reply else {}
    return run


def create(conn, p, fds, more):
    if p.get("template") is None:
        raise Refusal("org.varlink.service.InvalidParameter",
                      f"cannot create {p['name']}: no template given (there is: small)")
    if p["name"] in ves:
        raise Refusal("io.vessel.WrongState", f"cannot create {p['name']}: it exists")
    with lock:
        ves[p["name"]] = make(p["name"])
    return {}


def listing(conn, p, fds, more):
    names = p.get("names") or ["*"]
    for n in names:
        if not set(n) & set("*?["):
            find(n)
    chosen = [v for k, v in sorted(ves.items()) if any(fnmatch.fnmatch(k, n) for n in names)]
    for v in chosen[:-1]:
        conn.send({"ves": [v]}, True)
    return {"ves": chosen[-1:]}


def session(status, argv, env, stdio, terminal, rows, columns):
    if argv and argv[0] == "nothing":
        status.send(b"failed 127 cannot run nothing in web1: not found")
        for fd in stdio or []:
            os.close(fd)
        return
    argv = argv or ["/bin/sh"]
    if terminal:
        master, slave = os.openpty()
        import fcntl, struct, termios
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        child = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, env=env,
                                 start_new_session=True,
                                 preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        socket.send_fds(status, [b"started"], [master])
        os.close(master)
    else:
        child = subprocess.Popen(argv, stdin=stdio[0], stdout=stdio[1], stderr=stdio[2], env=env)
        for fd in stdio:
            os.close(fd)
        status.send(b"started")
    children.append(child)

    def signals():
        while True:
            byte = status.recv(1)
            if not byte:
                return
            child.send_signal(byte[0])
    threading.Thread(target=signals, daemon=True).start()
    code = child.wait()
    try:
        status.send(b"exited %d" % code if code >= 0 else b"signaled %d" % -code)
        status.shutdown(socket.SHUT_RDWR)
    except BrokenPipeError:
        pass


def execute(conn, p, fds, more):
    if find(p["name"])["state"] != "running":
        raise Refusal("io.vessel.WrongState", f"cannot run in {p['name']}: it is stopped")
    status = socket.socket(fileno=os.dup(fds[p["status"]]))
    stdio = None if p.get("terminal") else [os.dup(fds[p[k]]) for k in ("stdin", "stdout", "stderr")]
    env = {"PATH": os.environ["PATH"], "TERM": p.get("term") or ""}
    env.update(e.split("=", 1) for e in p.get("env") or [])
    threading.Thread(target=session, args=(status, p.get("argv"), env, stdio, p.get("terminal"),
                                           p.get("rows"), p.get("columns")), daemon=True).start()
    return {}


def console(conn, p, fds, more):
    stream = socket.socket(fileno=os.dup(fds[p["stream"]]))

    def run():
        stream.send(b"login: ")
        data = stream.recv(100)
        if data:
            stream.send(b"got " + data)
        stream.close()
    threading.Thread(target=run, daemon=True).start()
    return {}


def log_files(conn, p, fds, more):
    find(p["name"])
    conn.fds_out = [os.open(os.path.join(run_dir, f), os.O_RDONLY) for f in ("log.1", "log")
                    if os.path.exists(os.path.join(run_dir, f))]
    return {"files": list(range(len(conn.fds_out)))}


def template_import(conn, p, fds, more):
    total = 0
    if p["name"] in templates and not p.get("replace"):
        raise Refusal("io.vessel.WrongState", f"cannot import template {p['name']}: it exists")
    with open(os.path.join(run_dir, "import.tar"), "wb") as out:
        try:
            while True:
                data = os.read(fds[p["archive"]], 65536)
                if not data:
                    break
                out.write(data)
                total += len(data)
                if more:
                    conn.send({"progress": {"done": total, "total": 0}}, True)
        except ConnectionResetError:
            raise Refusal("io.vessel.Failed", f"cannot import template {p['name']}: ECONNRESET")
    templates[p["name"]] = total
    return {"digest": "00"}


def template_list(conn, p, fds, more):
    return {"templates": [{"name": n, "layers": ["sha256:00"], "bytes": b, "files": 3, "used_by":
                           ["web1"], "created": "2026-11-22T11:46:21Z", "problem": None}
                          for n, b in sorted(templates.items())]}


def doctor(conn, p, fds, more):
    return {"checks": [{"name": "overlayfs", "asked": "/proc/filesystems", "value": "there",
                        "state": "ok", "limits": "", "remedy": ""},
                       {"name": "quota", "asked": "quotactl", "value": "none", "state": "limited",
                        "limits": "disk limits", "remedy": "mount with prjquota"}]}


def all_of_them(state, to):
    def run(conn, p, fds, more):
        outcomes = []
        for name, ve in sorted(ves.items()):
            if ve["state"] == state:
                bad = name == "db1"
                outcomes.append({"name": name, "status": 5 if bad else 0, "forced": name == "web1",
                                 "message": "cannot do it to db1: it is paper" if bad else None})
                with lock:
                    ve["state"] = state if bad else to
        for outcome in outcomes if more else []:
            conn.send({"outcomes": [outcome]}, True)
        return {"outcomes": [] if more else outcomes}
    return run


def events(conn, p, fds, more):
    event = {"event": {"time": "2026-11-22T11:46:21Z", "ve": "web1", "event": "running", "detail": ""}}
    if more:
        conn.send(event, True)
        time.sleep(0.1)
    return event


methods = {"Create": create, "List": listing, "Exec": execute, "Console": console, "Log": log_files,
           "Start": changes("start", "running", "running"),
           "Stop": changes("stop", "stopped", "stopped", lambda p: {"forced": p["name"] == "web1"}),
           "Restart": changes("restart", "", "running"), "Pause": changes("pause", "stopped", "paused"),
           "Resume": changes("resume", "running", "running"), "Kill": changes("kill", "stopped", "running"),
           "Set": changes("set", "", "running", lambda p: {"pending": ["init"] if "init" in
                                                          p["settings"] else []}),
           "Rename": changes("rename", "", "stopped"),
           "Destroy": changes("destroy", "running", "stopped"),
           "TemplateImport": template_import, "TemplateList": template_list,
           "Autostart": all_of_them("stopped", "running"),
           "Shutdown": all_of_them("running", "stopped"),
           "TemplateRemove": lambda c, p, f, m: {}, "Doctor": doctor, "Events": events}


class Connection:
    def __init__(self, sock, read_only):
        self.sock, self.read_only, self.fds_out = sock, read_only, []

    def send(self, parameters, continues=False):
        reply = {"parameters": parameters}
        if continues:
            reply["continues"] = True
        self.send_raw(reply)

    def send_raw(self, reply):
        data = json.dumps(reply).encode() + b"\0"
        socket.send_fds(self.sock, [data], self.fds_out)
        for fd in self.fds_out:
            os.close(fd)
        self.fds_out = []

    def handle(self, request, fds):
        method = request["method"].rpartition(".")[2]
        with lock, open(log_path, "a") as log:
            log.write(json.dumps(request) + "\n")
        try:
            if self.read_only and method not in ("List", "TemplateList", "Doctor"):
                raise Refusal("io.vessel.NotAllowed", f"{method} is not for the read-only socket")
            self.send(methods[method](self, request["parameters"], fds, request.get("more")))
        except Refusal as refusal:
            self.send_raw(refusal.reply)

    def run(self):
        buffer, fds = b"", []
        try:
            while True:
                data, ancillary, _, _ = self.sock.recvmsg(65536, socket.CMSG_SPACE(8 * 4))
                if not data:
                    return
                for _, _, packed in ancillary:
                    got = array.array("i")
                    got.frombytes(packed)
                    fds += got
                buffer += data
                while b"\0" in buffer:
                    message, _, buffer = buffer.partition(b"\0")
                    self.handle(json.loads(message), fds)
                    for fd in fds:
                        os.close(fd)
                    fds = []
        except (BrokenPipeError, ConnectionResetError):
            pass


def serve(name, read_only):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.path.join(run_dir, name))
    listener.listen(64)
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=Connection(sock, read_only).run, daemon=True).start()




def stop(*_):
    for child in children:
        child.poll() is None and child.kill()
    os._exit(0)


signal.signal(signal.SIGTERM, stop)
if os.environ.get("FAKE_READ_ONLY"):
    serve("vessel-ro.sock", True)
threading.Thread(target=serve, args=("vessel-ro.sock", True), daemon=True).start()
serve("vessel.sock", False)
