"""How long an interface sends nothing while something is done to it.

pause.py PID ADDRESS ROUNDS DEVICE: in the network of the process PID, datagrams with numbers go out as fast as this
program can send them, to ADDRESS, which is the node's own, while `tc` adds clsact to DEVICE, while it only lists qdiscs,
and while it removes clsact. Prints for each of the three a list with an entry per round: the microseconds between the
last datagram before and the first one after the largest hole in what arrived, 0 if all arrived.
"""

import ctypes
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
SO_RCVBUFFORCE = 33
SETTLE_SECONDS = 0.02
NUMBER_AND_TIME = struct.Struct("!QQ")

pid, address, rounds, device = sys.argv[1:]

receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
# Room for all that is sent in a round: it is read only after it.
receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 28)
receiver.bind((address, 0))

with open(f"/proc/{pid}/ns/net") as netns:
    if ctypes.CDLL(None, use_errno=True).setns(netns.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.connect(receiver.getsockname())


def largest_hole(command):
    """Sends while the command runs and a little before and after it."""
    number = 0
    process = None
    start = time.monotonic_ns()
    end = None
    while end is None or time.monotonic_ns() < end:
        sender.send(NUMBER_AND_TIME.pack(number, time.monotonic_ns()))
        number += 1
        if process is None:
            if time.monotonic_ns() - start > SETTLE_SECONDS * 1e9:
                process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        elif end is None and process.poll() is not None:
            if process.returncode != 0:
                sys.exit(f"{' '.join(command)}: exit code {process.returncode}")
            end = time.monotonic_ns() + SETTLE_SECONDS * 1e9
    return hole_in(received(), number)


def received():
    """Numbers and times of what has arrived since it was last asked."""
    datagrams = []
    while select.select([receiver], [], [], 0.05)[0]:
        datagrams.append(NUMBER_AND_TIME.unpack(receiver.recv(64)))
    return datagrams


def hole_in(datagrams, sent):
    if datagrams[0][0] != 0 or datagrams[-1][0] != sent - 1:
        sys.exit("the first or the last datagram of a round is missing")
    holes = [
        after[1] - before[1]
        for before, after in zip(datagrams, datagrams[1:])
        if after[0] != before[0] + 1
    ]
    return max(holes, default=0) / 1000


commands = {
    "add": ["tc", "qdisc", "add", "dev", device, "clsact"],
    "list": ["tc", "qdisc", "show", "dev", device],
    "delete": ["tc", "qdisc", "delete", "dev", device, "clsact"],
}
result = {name: [] for name in commands}
for _ in range(int(rounds)):
    for name, command in commands.items():
        result[name].append(largest_hole(command))
print(json.dumps(result))
