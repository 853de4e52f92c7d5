#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a guest looks for outside: a name server and a web server with a package repository.

    outside.py IPV4 IPV6 DIRECTORY

Every name in example.org is this one, by both addresses. Each request is a line on stdout: who asked
and what for.
"""

import functools, http.server, socket, socketserver, struct, sys, threading

four, six, directory = sys.argv[1:4]


def answer(query):
    """The query with its one question answered; names beyond example.org are none."""
    end = query.index(b"\0", 12) + 1
    kind = struct.unpack("!H", query[end:end + 2])[0]
    data = {1: socket.inet_pton(socket.AF_INET, four), 28: socket.inet_pton(socket.AF_INET6, six)}.get(kind)
    known = query[12:end].lower().endswith(b"\7example\3org\0")
    records = b""
    if known and data:
        records = struct.pack("!HHHIH", 0xc00c, kind, 1, 60, len(data)) + data
    flags = 0x8580 | (0 if known else 3)
    return query[:2] + struct.pack("!HHHHH", flags, 1, 1 if records else 0, 0, 0) + query[12:end + 4] + records


def names(family, address):
    server = socket.socket(family, socket.SOCK_DGRAM)
    server.bind((address, 53))
    while True:
        query, peer = server.recvfrom(1500)
        print(peer[0], "asks", flush=True)
        server.sendto(answer(query), peer)


class Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        print(self.client_address[0], self.command, self.path, flush=True)


class Web(socketserver.ThreadingTCPServer):
    """Not of http.server, which asks for its own name first."""

    allow_reuse_address = True

    def __init__(self, family, address):
        self.address_family = family
        super().__init__((address, 80), functools.partial(Files, directory=directory))


for family, address in ((socket.AF_INET, four), (socket.AF_INET6, six)):
    threading.Thread(target=names, args=(family, address), daemon=True).start()
    threading.Thread(target=Web(family, address).serve_forever, daemon=True).start()
threading.Event().wait()
