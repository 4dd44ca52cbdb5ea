"""Both ends of a flow of numbered datagrams: `echo PORT`, and `send ADDRESS PORT PER-SECOND COUNT`.

`send` has each datagram echoed. It prints an empty line at the first echo, and when COUNT datagrams are sent (0: when it
gets SIGTERM) what became of all: {"sent", "duplicates", "gaps": [[first, last], ...]}, a gap being numbers in a row that
did not come back.
"""

import json
import select
import signal
import socket
import sys
import time

# An echo may be late on a busy machine; what comes twice comes soon.
LAST_WAIT_S = 0.5
LATEST_S = 3


def echo(port):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # else process 1 ignores it
    family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as server:
        if family == socket.AF_INET6:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        server.bind(("", port))
        while True:
            data, client = server.recvfrom(2048)
            server.sendto(data, client)


class Sender:
    def __init__(self, address, port):
        self.to = (address, port)
        self.sent = 0
        self.duplicates = 0
        self.back = set()
        self.stopped = False
        self.error = None
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.setblocking(False)

    def run(self, per_second, count):
        begin = time.monotonic()
        while not self.stopped and (count == 0 or self.sent < count):
            due = begin + self.sent / per_second
            if time.monotonic() >= due:
                self.send()
            self.receive_until(due)
        end = time.monotonic() + LATEST_S
        self.receive_until(time.monotonic() + LAST_WAIT_S)
        while len(self.back) < self.sent and time.monotonic() < end:
            self.receive_until(time.monotonic() + LAST_WAIT_S)

    def send(self):
        try:
            self.socket.sendto(b"flow %d" % self.sent, self.to)
        except OSError as error:  # counts as lost
            if self.error is None:
                print(f"datagram {self.sent}: {error}", file=sys.stderr)
            self.error = error
        self.sent += 1

    def receive_until(self, end):
        while True:
            left = end - time.monotonic()
            ready, _, _ = select.select([self.socket], [], [], max(0, left))
            if ready:
                self.receive()
            if left <= 0:
                return

    def receive(self):
        number = int(self.socket.recv(2048).split()[1])
        if not self.back:
            print(flush=True)
        if number in self.back:
            self.duplicates += 1
        self.back.add(number)

    def gaps(self):
        found = []
        for number in range(self.sent):
            if number in self.back:
                continue
            if found and found[-1][1] == number - 1:
                found[-1][1] = number
            else:
                found.append([number, number])
        return found


def send(address, port, per_second, count):
    sender = Sender(address, port)

    def stop(*_):
        sender.stopped = True

    signal.signal(signal.SIGTERM, stop)
    sender.run(per_second, count)
    print(json.dumps({"sent": sender.sent, "duplicates": sender.duplicates, "gaps": sender.gaps()}))


if sys.argv[1] == "echo":
    echo(int(sys.argv[2]))
else:
    send(sys.argv[2], *map(int, sys.argv[3:6]))
