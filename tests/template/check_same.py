#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check_same.py DRIVER ARCHIVE [TREE | TAR-OPTION...] - as root: what import makes of an archive is what tar makes of it.
#
# Compared: names, types, modes, ids, modification times in nanoseconds, extended attributes (ACLs
# and capabilities among them), link targets, contents, sizes on disk of sparse files, and which
# names are hard links of one another. Devices are left out: import skips those of /dev.
#
# With TREE, what the archive was made from stands in for tar's work: tar 1.34 itself gives
# directories below a default ACL other attributes and times than the archive says. With
# --acls, tar takes ACLs from SCHILY.acl.* alone; without, from SCHILY.xattr.system.* alone.

import hashlib
import os
import stat
import subprocess
import sys
import tempfile


def describe(path):
    st = os.lstat(path)
    kind = stat.S_IFMT(st.st_mode)
    if kind in (stat.S_IFCHR, stat.S_IFBLK):
        return None, None
    about = {
        "mode": oct(st.st_mode), "uid": st.st_uid, "gid": st.st_gid, "mtime": st.st_mtime_ns,
        "xattrs": {name: os.getxattr(path, name, follow_symlinks=False)
                   for name in os.listxattr(path, follow_symlinks=False)},
    }
    if kind != stat.S_IFDIR:
        about["links"] = st.st_nlink
    if kind == stat.S_IFLNK:
        about["target"] = os.readlink(path)
    if kind == stat.S_IFREG:
        about["size"] = st.st_size
        about["sparse"] = st.st_blocks * 512 < st.st_size // 2
        with open(path, "rb") as file:
            about["content"] = hashlib.sha256(file.read()).hexdigest()
    return about, st.st_ino


def walk(root):
    entries, inodes = {}, {}
    for directory, names, files in os.walk(os.fsencode(root)):
        for path in [directory] + [os.path.join(directory, name) for name in files + [
                name for name in names if os.path.islink(os.path.join(directory, name))]]:
            name = os.path.relpath(path, os.fsencode(root))
            about, inode = describe(path)
            if about:
                entries[name] = about
                inodes.setdefault(inode, set()).add(name)
    return entries, sorted(tuple(sorted(names)) for names in inodes.values() if len(names) > 1)


def main():
    driver, archive = sys.argv[1:3]
    with tempfile.TemporaryDirectory(dir=os.environ.get("SCRATCH")) as scratch:
        theirs, ours = os.path.join(scratch, "tar"), os.path.join(scratch, "import")
        os.mkdir(theirs)
        os.mkdir(ours)
        if os.path.isdir("".join(sys.argv[3:4])):
            theirs = sys.argv[3]
        else:
            subprocess.run(["tar", "--xattrs", "--xattrs-include=*", "--numeric-owner",
                            "--same-permissions", *sys.argv[3:], "-xf", archive, "-C", theirs], check=True)
        with open(archive, "rb") as file:
            subprocess.run([driver, "import", ours], stdin=file, check=True)
        left, left_links = walk(theirs)
        right, right_links = walk(ours)
    differences = [name for name in sorted(set(left) | set(right))
                   if left.get(name) != right.get(name)]
    for name in differences[:20]:
        print(name, "tar:", left.get(name), "import:", right.get(name))
    if left_links != right_links:
        print("hard links differ", left_links, right_links)
    if differences or left_links != right_links:
        sys.exit("not the same")
    print(f"the same: {len(left)} names, {len(left_links)} groups of links, "
          f"{sum(len(about['xattrs']) for about in left.values())} attributes")


main()
