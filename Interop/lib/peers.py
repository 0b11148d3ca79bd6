# SPDX-License-Identifier: Apache-2.0
"""Ports, processes and a SIP probe: what the stories and the peers share. Loopback only."""
import os
import random
import signal
import socket
import subprocess
import time

HOST = "127.0.0.1"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INTEROP = os.path.join(ROOT, "Interop")


def free_port(span=1, host=HOST):
    """A port of which UDP and TCP, and those of the next `span - 1` numbers, are free now; even, as RTP wants it."""
    for _ in range(200):
        first = random.randrange(20000, 32000, 2)  # below the range from which Linux gives out ports by itself
        held = []
        try:
            for port in range(first, first + span):
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    held.append(socket.socket(family(host), kind))
                    held[-1].bind((host, port))
            return first
        except OSError:
            continue
        finally:
            for one in held:
                one.close()
    raise RuntimeError("no free port on " + host)


def family(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def wait_for(condition, seconds, every=0.05):
    """The condition's first true value, or None when the time is over."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value or None
        time.sleep(every)


def answers_options(port, host=HOST):
    """Whether a SIP server answers OPTIONS on that UDP port."""
    with socket.socket(family(host), socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        probe.settimeout(0.2)
        mine = probe.getsockname()[1]
        name = f"[{host}]" if ":" in host else host
        probe.sendto((
            f"OPTIONS sip:{name}:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {name}:{mine};branch=z9hG4bKprobe{mine};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:probe@{name}>;tag=probe\r\nTo: <sip:{name}>\r\nCall-ID: probe-{mine}\r\n"
            "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n").encode(), (host, port))
        try:
            return probe.recv(4096).startswith(b"SIP/2.0 ")
        except OSError:
            return False


def udp_bound(port):
    """Whether something on this machine has bound that UDP port."""
    with open("/proc/net/udp") as table:
        return any(line.split()[1].endswith(f":{port:04X}") for line in list(table)[1:])


def tcp_listens(port):
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in list(table)[1:]]
    return any(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows)


def end(process, seconds=5, by=signal.SIGTERM):
    """Ends one process that we started, and returns its exit code."""
    if process.poll() is None:
        process.send_signal(by)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return process.returncode


def write_private(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
