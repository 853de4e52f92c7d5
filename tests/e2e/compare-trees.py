#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares two trees: names, types, modes, ids, times, xattrs, contents, links. Says what differs."""

import os, stat, sys

# What an archive of a whole system brings and import leaves out: the runtime gives each VE its own.
DEVICES = {"dev/" + name for name in ("null", "zero", "full", "random", "urandom", "tty", "console", "ptmx")}


def look(root):
    found, inodes = {}, {}
    for d, ds, fs in os.walk(root):
        for name in ds + fs + ([""] if d == root else []):
            p = os.path.join(d, name)
            rel = os.path.relpath(p, root)
            s = os.lstat(p)
            if stat.S_ISCHR(s.st_mode) and rel in DEVICES:
                continue
            x = {k: os.getxattr(p, k, follow_symlinks=False) for k in os.listxattr(p, follow_symlinks=False)}
            row = [stat.S_IFMT(s.st_mode), oct(s.st_mode & 0o7777), s.st_uid, s.st_gid, x]
            if rel != ".":
                row.append(s.st_mtime_ns)
            if stat.S_ISLNK(s.st_mode):
                row.append(os.readlink(p))
            if stat.S_ISREG(s.st_mode):
                row.append(open(p, "rb").read())
                row.append(inodes.setdefault(s.st_ino, rel))  # the first name of a hard-linked file
            found[rel] = row
    return found


def sorted_links(tree):
    groups = {}
    for rel, row in tree.items():
        if row[0] == stat.S_IFREG:
            groups.setdefault(row[-1], []).append(rel)
    for rels in groups.values():
        for rel in rels:
            tree[rel][-1] = sorted(rels)
    return tree


one, two = sorted_links(look(sys.argv[1])), sorted_links(look(sys.argv[2]))
bad = 0
for rel in sorted(set(one) | set(two)):
    if one.get(rel) != two.get(rel):
        bad += 1
        print(rel, *(repr([v if not isinstance(v, bytes) else len(v) for v in (t.get(rel) or [])])[:300]
                     for t in (one, two)), sep="\n  ", file=sys.stderr)
    if bad > 10:
        break
sys.exit(bad > 0)
