#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the archives of template.bats: good ones in every dress, and each kind of bad one."""

import bz2, gzip, io, lzma, os, struct, subprocess, sys, tarfile, zipfile

out = sys.argv[1]
os.makedirs(out, exist_ok=True)


def path(name):
    return os.path.join(out, name)


def entry(name, type=tarfile.REGTYPE, data=b"", **fields):
    info = tarfile.TarInfo(name)
    info.type, info.size, info.mode, info.mtime = type, len(data), 0o644, 1700000000
    for key, value in fields.items():
        setattr(info, key, value)
    return info, io.BytesIO(data)


def write(name, entries):
    with tarfile.open(path(name), "w", format=tarfile.PAX_FORMAT) as tar:
        for info, data in entries:
            tar.addfile(info, data if info.isreg() else None)


def directory(name, **fields):
    return entry(name, tarfile.DIRTYPE, mode=0o755, **fields)


def link(name, target, kind=tarfile.SYMTYPE):
    return entry(name, kind, linkname=target)


CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)  # cap_net_raw+ep
# An id that no host has a name for: tar would write the name, which only the archive's own passwd may tell.
ACL = struct.pack("<I" + "HHI" * 5, 2, 1, 6, 0xFFFFFFFF, 2, 4, 31000, 4, 4, 0xFFFFFFFF,
                  16, 6, 0xFFFFFFFF, 32, 4, 0xFFFFFFFF)


def pax(name, value):
    return {"SCHILY.xattr." + name: value.decode("latin-1")}


def with_xattr(info_data, name, value):
    # tarfile encodes pax values as UTF-8; binary goes in by surrogateescape
    info_data[0].pax_headers = {"SCHILY.xattr." + name: value.decode("utf-8", "surrogateescape")}
    return info_data


small = [directory("./"), directory("etc"), entry("etc/hosts", data=b"127.0.0.1 localhost\n" * 100),
         link("etc/link", "hosts")]
write("small.tar", small)
plain = open(path("small.tar"), "rb").read()
open(path("small.tar.gz"), "wb").write(gzip.compress(plain))
open(path("small.tar.xz"), "wb").write(lzma.compress(plain))
open(path("small.tar.bz2"), "wb").write(bz2.compress(plain))
subprocess.run(["zstd", "-qf", path("small.tar"), "-o", path("small.tar.zst")], check=True)

# The rich one is made by tar itself, from a tree with everything in it.
tree = path("tree")
os.makedirs(tree + "/dir/sub", exist_ok=True)
for name, mode, uid, gid in (("plain", 0o640, 1, 2), ("suid", 0o4755, 0, 0), ("sgid", 0o2755, 0, 50),
                             ("caps", 0o755, 0, 0), ("acl", 0o664, 1000, 1000), ("dir/f", 0, 65533, 65534)):
    p = os.path.join(tree, name)
    open(p, "w").write(name * 1000)
    os.chown(p, uid, gid)
    os.chmod(p, mode)
    os.utime(p, ns=(1600000000123456789, 1600000000987654321))
for a, b in (("plain", "hard1"), ("plain", "dir/hard2")):
    if not os.path.lexists(os.path.join(tree, b)):
        os.link(os.path.join(tree, a), os.path.join(tree, b))
for target, name in (("/etc/passwd", "absolute"), ("../..", "dotdot"), ("dangling/nowhere", "dangling")):
    if not os.path.lexists(os.path.join(tree, name)):
        os.symlink(target, os.path.join(tree, name))
os.lchown(tree + "/absolute", 7, 8)
if not os.path.exists(tree + "/fifo"):
    os.mkfifo(tree + "/fifo")
os.setxattr(tree + "/plain", "user.note", b"kept \x00\xff")
os.setxattr(tree + "/caps", "security.capability", CAPABILITY)
os.setxattr(tree + "/acl", "system.posix_acl_access", ACL)
os.setxattr(tree + "/dir", "system.posix_acl_default", ACL)
with open(tree + "/sparse", "wb") as f:
    f.seek(10 << 20)
    f.write(b"end")
os.makedirs(tree + "/" + "long-name-" * 20, exist_ok=True)
open(tree + "/" + "long-name-" * 20 + "/" + "x" * 200, "w").write("long")
open(tree + "/ünïcode", "w").write("u")
os.chmod(tree + "/dir/sub", 0o1777)
os.utime(tree + "/dir/sub", ns=(1500000000000000001, 1500000000000000002))
os.utime(tree + "/dir", ns=(1500000000000000003, 1500000000000000004))
subprocess.run(["tar", "--format=pax", "--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner",
                "-C", tree, "-S", "-cf", path("rich.tar"), "."], check=True)

write("dotdot.tar", [entry("../escape", data=b"x")])
write("through-symlink.tar", [link("out", "/tmp"), entry("out/escape", data=b"x")])
write("hardlink-out.tar", [link("etc", "/etc"), link("pw", "etc/passwd", tarfile.LNKTYPE)])
write("device.tar", [entry("null", tarfile.CHRTYPE, devmajor=1, devminor=3)])
write("whiteout.tar", [entry("gone", tarfile.CHRTYPE, devmajor=0, devminor=0)])
write("overlay-xattr.tar", [with_xattr(directory("d"), "trusted.overlay.opaque", b"y")])
write("type-change.tar", [entry("x", data=b"x"), directory("x")])
write("big-id.tar", [entry("file", data=b"x", uid=65536, gid=70000)])
open(path("truncated.tar"), "wb").write(open(path("rich.tar"), "rb").read()[:30000])
open(path("truncated.tar.gz"), "wb").write(open(path("small.tar.gz"), "rb").read()[:-20])
open(path("empty"), "wb").close()
open(path("noise"), "wb").write(os.urandom(20000))
with zipfile.ZipFile(path("archive.zip"), "w") as z:
    z.writestr("file", "x")
with gzip.open(path("bomb.tar.gz"), "wb", compresslevel=9) as z:
    info = tarfile.TarInfo("zeros")
    info.size = 64 << 20
    z.write(info.tobuf())
    for _ in range(64):
        z.write(bytes(1 << 20))
    z.write(bytes(10240))
write("untold.tar", [entry("f", data=bytes(9000), pax_headers={"GNU.sparse.realsize": "0"})])
write("many.tar", [entry("f%d" % i, data=b"x" * 100) for i in range(5000)])
write("init.tar", [directory("sbin"), entry("sbin/init", data=b"#!/bin/sh\n", mode=0o755)])
