# SPDX-License-Identifier: Apache-2.0
"""SIPp with the scenarios of Interop/sipp."""
import math
import os
import re
import subprocess

import peers


def tone(path, seconds=2):
    """Raw G.711 A-law, 8000 bytes a second, 440 Hz: the file that the calling scenarios play."""
    def alaw(sample):
        sign, value = (0x80, sample) if sample >= 0 else (0, -sample)
        value = min(value, 32767) >> 3
        exponent = max(0, value.bit_length() - 5)
        mantissa = (value >> (exponent if exponent else 1)) & 15
        return (sign | exponent << 4 | mantissa) ^ 0x55
    second = bytes(alaw(int(10000 * math.sin(2 * math.pi * 440 * i / 8000))) for i in range(8000))
    with open(path, "wb") as file:
        file.write(second * seconds)


class Sipp:
    """One SIPp process; `wait` gives what it counted."""

    def __init__(self, folder, scenario, *arguments, name=None, port=None, transport="u1", media=None):
        self.port = port or peers.free_port(span=2)
        self.media = media or peers.free_port(span=4)
        self.log = os.path.join(folder, f"sipp-{name or scenario}.log")
        self.errors = os.path.join(folder, f"sipp-{name or scenario}-errors.log")
        command = [
            "sipp", "-sf", os.path.join(peers.INTEROP, "sipp", scenario + ".xml"), "-i", peers.HOST, "-mi", peers.HOST,
            "-p", self.port, "-mp", self.media,
            "-t", transport, "-nostdin", "-trace_err", "-error_file", self.errors, *arguments]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
                env=dict(os.environ, TERM="dumb"))

    def ready(self, seconds=5, tcp=False):
        bound = peers.tcp_listens if tcp else peers.udp_bound
        if not peers.wait_for(lambda: bound(self.port), seconds):
            raise RuntimeError("SIPp did not start: " + self.tail())
        return self

    def tail(self):
        text = ""
        for path in (self.log, self.errors):
            if os.path.exists(path):
                with open(path, errors="replace") as file:
                    text += file.read()[-1200:]
        return text

    def wait(self, seconds):
        """(successful, failed) calls when it ends by itself, or is ended after so many seconds."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        return self.stop()

    def stop(self):
        peers.end(self.process)
        with open(self.log, errors="replace") as file:
            text = file.read()

        def last(label):
            found = re.findall(label + r"\s+\|\s+\d+\s+\|\s+(\d+)", text)
            return int(found[-1]) if found else -1
        return last("Successful call"), last("Failed call")


def authentication(username, password):
    """The field from which SIPp answers a challenge."""
    return f"[authentication username={username} password={password}]"


def injection(path, rows):
    """An injection file of SIPp, its rows used in turn."""
    peers.write_private(path, "SEQUENTIAL\n" + "".join(";".join(row) + "\n" for row in rows))
