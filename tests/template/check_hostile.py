#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check_hostile.py DRIVER - as root: archives that want out, too much, or something odd.
#
# A row is a name, an archive, options of the import, the exit status, and words of the refusal; no
# words: the import succeeds. After each, the directory beside the layer is as it was.

import bz2
import gzip
import io
import lzma
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile

USAGE = 2


def entry(name, kind=tarfile.REGTYPE, data=b"", **more):
    info = tarfile.TarInfo(name)
    info.type = kind
    info.size = len(data)
    info.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    for key, value in more.items():
        setattr(info, key, value)
    return info, data


def folder(name, **more):
    return entry(name, tarfile.DIRTYPE, **more)


def symlink(name, target):
    return entry(name, tarfile.SYMTYPE, linkname=target)


def link(name, target, **more):
    return entry(name, tarfile.LNKTYPE, linkname=target, **more)


def archive(*entries, form=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form, encoding="utf-8",
                      errors="surrogateescape") as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def xattr(name, value="x"):
    return archive(entry("file", pax_headers={"SCHILY.xattr." + name: value}))


def acl(*names):
    known = entry("etc/passwd", data=b"web:x:7:7::/:/\n")
    return archive(*[entry(name, pax_headers={
        "SCHILY.acl.access": "user::rw-,user:web:r--,group::r--,mask::r--,other::---"})
        for name in names], known)


def device(name, major, minor, kind=tarfile.CHRTYPE):
    return archive(entry(name, kind, devmajor=major, devminor=minor))


def link_with_data():
    # Python never writes content behind a link: the type is patched and the checksum redone.
    raw = bytearray(archive(entry("a", data=b"first"), entry("b", data=b"second", linkname="a",
                            pax_headers={"comment": "x"})))
    at = raw.rindex(b"ustar") - 257
    raw[at + 156:at + 157] = tarfile.LNKTYPE
    raw[at + 157:at + 158] = b"a"
    raw[at + 148:at + 156] = b" " * 8
    raw[at + 148:at + 156] = b"%06o\0 " % sum(raw[at:at + 512])
    return bytes(raw)


PLAIN = archive(folder("d"), entry("d/f", data=b"content" * 1000), symlink("d/s", "f"))
BOMB = archive(entry("zeros", data=bytes(80 << 20)))
LONG = "n" * 256
DEEP = "/".join(["d"] * 300)

ROWS = [
    ("plain", PLAIN, "", 0, ""),
    ("gzip", gzip.compress(PLAIN), "", 0, ""),
    ("xz", lzma.compress(PLAIN), "", 0, ""),
    ("bzip2", bz2.compress(PLAIN), "", 0, ""),
    ("lzma alone", lzma.compress(PLAIN, format=lzma.FORMAT_ALONE), "", USAGE, "damaged"),
    ("empty", b"", "", USAGE, "damaged"),
    ("text", b"hello, world\n" * 100, "", USAGE, "damaged"),
    ("zip", b"PK\3\4" + bytes(600), "", USAGE, "damaged"),
    ("dot dot", archive(entry("../out", data=b"x")), "", USAGE, "../out: the name holds '..'"),
    ("inner dot dot", archive(entry("a/../../out", data=b"x")), "", USAGE, "the name holds '..'"),
    ("absolute", archive(entry("/out", data=b"x")), "", USAGE, "/out: the name is absolute"),
    ("through a symlink", archive(symlink("s", "/"), entry("s/out", data=b"x")), "", USAGE,
     "s/out: the name leads through a symlink or a file"),
    ("through a symlink inside", archive(folder("d"), symlink("s", "d"), entry("s/f")), "", USAGE,
     "s/f: the name leads through a symlink"),
    ("folder through a symlink", archive(symlink("s", ".."), folder("s/a/b")), "", USAGE,
     "through a symlink"),
    ("below a file", archive(entry("f", data=b"x"), entry("f/g")), "", USAGE, "f/g: the name leads"),
    ("link out", archive(link("l", "../victim")), "", USAGE, "l: is a hard link that leaves"),
    ("link absolute", archive(link("l", "/etc/passwd")), "", USAGE, "l: is a hard link that"),
    ("link through a symlink", archive(symlink("s", ".."), link("l", "s/victim")), "", USAGE,
     "l: is a hard link to s/victim, which is not"),
    ("link forward", archive(link("l", "f"), entry("f")), "", USAGE, "l: is a hard link to f"),
    ("link to a folder", archive(folder("d"), link("l", "d")), "", USAGE, "to a directory"),
    ("link to itself", archive(entry("f", data=b"x"), link("f", "f")), "", 0, ""),
    ("link with content", link_with_data(), "", USAGE, "b: is a hard link with content"),
    ("link to a symlink", archive(symlink("s", "/etc/passwd"), link("l", "s")), "", 0, ""),
    ("device", device("sda", 8, 0, tarfile.BLKTYPE), "", USAGE, "sda: is a block device"),
    ("null elsewhere", device("null", 1, 3), "", USAGE, "null: is a character device"),
    ("memory as null", device("dev/null", 1, 1), "", USAGE, "is a character device"),
    ("null", device("./dev/null", 1, 3), "", 0, ""),
    ("whiteout", device("gone", 0, 0), "", USAGE, "gone: is a character device"),
    ("fifo", archive(entry("fifo", tarfile.FIFOTYPE)), "", 0, ""),
    ("file, then symlink", archive(entry("a"), symlink("a", "/")), "", USAGE,
     "a: changes its type from a file to a symlink"),
    ("folder, then symlink", archive(folder("a"), symlink("a", "/")), "", USAGE, "type from a directory"),
    ("symlink, then folder", archive(symlink("a", "/"), folder("a")), "", USAGE, "type from a symlink"),
    ("symlink, then file", archive(symlink("a", "/out"), entry("a", data=b"x")), "", USAGE,
     "changes its type from a symlink to a file"),
    ("file twice", archive(entry("a", data=b"1"), entry("a", data=b"2")), "", 0, ""),
    ("folder twice", archive(folder("a", mode=0o700), folder("a")), "", 0, ""),
    ("root as a symlink", archive(symlink("./", "/")), "", USAGE, "the root is no directory"),
    ("root as a file", archive(entry(".", data=b"x")), "", USAGE, "the root is no directory"),
    ("cut in content", PLAIN[:2000], "", USAGE, "d/f: Truncated"),
    ("cut between entries", archive(entry("a"), entry("b"))[:1024], "", USAGE, "cut off"),
    ("cut gzip", gzip.compress(PLAIN)[:-12], "", USAGE, "damaged"),
    ("damaged xz", lzma.compress(PLAIN)[:-30] + bytes(30), "", USAGE, "damaged"),
    ("gzip bomb", gzip.compress(BOMB), "", USAGE, "200 times its size (see --max-ratio)"),
    ("gzip bomb allowed", gzip.compress(BOMB), "ratio=100000", 0, ""),
    ("xz bomb", lzma.compress(BOMB, preset=0), "", USAGE, "(see --max-ratio)"),
    ("bytes", PLAIN, "bytes=6000", USAGE, "d/f: brings the files above"),
    ("entries", PLAIN, "entries=2", USAGE, "d/s: is one more than 2 entries (see --max-entries)"),
    ("bytes not told", archive(entry("f", data=b"x" * 9000, pax_headers={
        "GNU.sparse.realsize": "0"})), "bytes=6000", USAGE, "f: has more content than its header"),
    ("bytes not told, Solaris", archive(entry("f", data=b"x" * 9000, pax_headers={
        "SCHILY.realsize": "1"})), "bytes=6000", USAGE, "f: has more content than its header"),
    ("zeros behind", PLAIN + bytes(1 << 20), "", 0, ""),
    ("endless tail", PLAIN + bytes(1 << 20), "bytes=10000", USAGE, "behind its end"),
    ("trusted.overlay", xattr("trusted.overlay.opaque", "y"), "", USAGE, "would steer overlayfs"),
    ("user.overlay", xattr("user.overlay.metacopy"), "", USAGE, "would steer overlayfs"),
    ("trusted", xattr("trusted.md5sum"), "", USAGE, "host's administrator"),
    ("security.selinux", xattr("security.selinux"), "", USAGE, "host's security module"),
    ("system.nfs4_acl", xattr("system.nfs4_acl"), "", USAGE, "its kind is unknown"),
    ("bad ACL", xattr("system.posix_acl_access", "junk"), "", USAGE, "the ACL cannot be read"),
    ("named ACL", acl("f"), "", 0, ""),
    ("named ACL twice", acl("g", "f", "f"), "", USAGE, "f: comes twice, with an ACL that holds"),
    ("bad capability", xattr("security.capability", "junk"), "", USAGE, "does not take the xattr"),
    ("user attribute", xattr("user.mime"), "", 0, ""),
    ("long name", archive(entry(LONG)), "", USAGE, "the name is too long"),
    ("deep name", archive(entry(DEEP)), "", USAGE, "the name is too long"),
    ("NUL in a name", archive(entry("x" * 120 + "a\0b")), "", None, ""),
    ("control characters", archive(entry("../\x1b[2J\n")), "", USAGE, "../?[2J?: "),
    ("name of no charset", archive(entry("caf\udce9"), form=tarfile.GNU_FORMAT), "", 0, ""),
    ("decomposed name", archive(entry("e\u0301"), entry("\u00e9")), "", 0, ""),
    ("large id", archive(entry("f", uid=65536)), "", USAGE, "f: the id 65536 is not below 65536"),
    ("large id squashed", archive(entry("f", uid=65536, gid=1 << 31)), "squash", 0, ""),
    ("negative id", archive(entry("f", uid=-1), form=tarfile.GNU_FORMAT), "", USAGE, "the id"),
    ("implied folders", archive(entry("a/b/c", data=b"x")), "", 0, ""),
    ("no entry", archive(), "", 0, ""),
]


def run(driver, scratch, row):
    name, data, options, status, words = row
    layer = os.path.join(scratch, "layer")
    shutil.rmtree(layer, ignore_errors=True)
    os.mkdir(layer)
    done = subprocess.run([driver, "import", layer] + options.split(), input=data,
                          capture_output=True, check=False)
    said = done.stderr.decode(errors="replace").strip()
    good = (status is None or done.returncode == status) and words in said
    good = good and sorted(os.listdir(scratch)) == ["layer", "victim"]
    good = good and os.stat(os.path.join(scratch, "victim")).st_nlink == 1
    print("ok  " if good else "FAIL", f"{name}: {done.returncode} {said}")
    return good


def main():
    with tempfile.TemporaryDirectory(dir=os.environ.get("SCRATCH")) as scratch:
        with open(os.path.join(scratch, "victim"), "wb") as file:
            file.write(b"untouched")
        bad = [row[0] for row in ROWS if not run(sys.argv[1], scratch, row)]
    if bad:
        sys.exit("failed: " + ", ".join(bad))


main()
