"""Round trips of 64-byte messages over one TCP connection.

roundTrip.py serve PORT              answers every message with itself
roundTrip.py measure HOST PORT SECS  prints {"medianMicroseconds": ..., "p99Microseconds": ..., "roundTrips": ...}

Each side keeps to one CPU, and not to the other's if there are two: else whether the scheduler happens to put them on
one CPU decides the result (seen: 22 or 60 microseconds).
"""
import json
import os
import socket
import sys
import threading
import time

MESSAGE = bytes(64)


def receive(connection):
    """Returns a whole message, or b"" at the end of the connection."""
    return connection.recv(len(MESSAGE), socket.MSG_WAITALL)


def echo(connection):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while message := receive(connection):
        connection.sendall(message)


def serve(port):
    with socket.create_server(("", port)) as server:
        while True:
            threading.Thread(target=echo, args=[server.accept()[0]], daemon=True).start()


def measure(host, port, seconds):
    taken = []
    with socket.create_connection((host, port), timeout=5) as connection:
        # Blocking: with a timeout Python would ask poll() before every call.
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        end = time.perf_counter_ns() + int(seconds * 1e9)
        before = 0
        while before < end:
            before = time.perf_counter_ns()
            connection.sendall(MESSAGE)
            receive(connection)
            taken.append((time.perf_counter_ns() - before) / 1000)
    taken.sort()
    print(json.dumps({
        "medianMicroseconds": taken[len(taken) // 2],
        "p99Microseconds": taken[len(taken) * 99 // 100],
        "roundTrips": len(taken),
    }))


cpus = os.sched_getaffinity(0)
if sys.argv[1] == "serve":
    os.sched_setaffinity(0, {min(cpus)})
    serve(int(sys.argv[2]))
else:
    os.sched_setaffinity(0, {max(cpus)})
    measure(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
