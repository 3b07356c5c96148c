"""A name server for the measurements: answers MX and A for every name below .example, on loopback, from its own thread.

The exchanger of d17.example is mx17.example (or mx(17 mod SITES).example), and every exchanger has the address it was
told. Nothing else exists. It is no measure of speed: the resolver's own is benches/resolver.rs.
"""

import re
import socket
import struct
import threading

A, MX = 1, 15


class NameServer:
    """Listens on a port of its own until it is closed."""

    def __init__(self, address, sites):
        self.address, self.sites, self.asked = socket.inet_aton(address), sites, 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                question, sender = self.socket.recvfrom(4096)
                self.socket.sendto(self.answer(question), sender)
            except OSError:
                return
            self.asked += 1

    def answer(self, question):
        name, end = labels(question, 12)
        (kind,) = struct.unpack_from("!H", question, end)
        records = []
        number = re.fullmatch(r"(d|mx)(\d+)\.example", name)
        if number and kind == MX and number[1] == "d":
            host = f"mx{int(number[2]) % self.sites}".encode()
            target = bytes([len(host)]) + host + b"\x07example\x00"
            records.append(struct.pack("!H", 10) + target)
        elif number and kind == A and number[1] == "mx":
            records.append(self.address)
        head = question[:2] + struct.pack("!HHHHH", 0x8580 if number else 0x8583, 1, len(records), 0, 0)
        body = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 3600, len(data)) + data for data in records)
        return head + question[12 : end + 4] + body

    def close(self):
        self.socket.close()


def labels(message, at):
    """The name at a place, in lower case, and the place behind it."""
    words = []
    while message[at]:
        words.append(message[at + 1 : at + 1 + message[at]].decode("ascii", "replace").lower())
        at += message[at] + 1
    return ".".join(words), at + 1
