# SPDX-License-Identifier: Apache-2.0
"""baresip without a head: one account, audio from a sine, what it hears to nowhere."""
import json
import math
import os
import re
import socket
import struct
import subprocess
import wave

import peers

_MODULES = next(
    (place for place in ("/usr/lib/baresip/modules", "/usr/lib/x86_64-linux-gnu/baresip/modules",
                         "/usr/lib/aarch64-linux-gnu/baresip/modules") if os.path.isdir(place)), "/usr/lib/baresip/modules")


class Baresip:
    """One phone, registered where `port` is (or not at all with regint=0); answers by itself; dials when told."""

    def __init__(self, folder, username, password, port, transport="udp", register=True, dial=None, codec="pcma"):
        self.folder = os.path.join(folder, "baresip-" + username)
        os.makedirs(self.folder, exist_ok=True)
        self.log = os.path.join(self.folder, "log")
        self.heard = os.path.join(self.folder, "heard.wav")
        self.control = peers.free_port()
        source = os.path.join(self.folder, "tone.wav")
        _sine(source)
        peers.write_private(os.path.join(self.folder, "accounts"), (
            f"<sip:{username}@{peers.HOST}:{port};transport={transport}>;auth_user={username};auth_pass={password}"
            f";regint={120 if register else 0};audio_codecs={codec};answermode=auto\n"))
        open(os.path.join(self.folder, "contacts"), "w").close()
        with open(os.path.join(self.folder, "config"), "w") as file:
            file.write(
                f"sip_listen {peers.HOST}:0\nnet_interface {peers.HOST}\n"
                f"audio_source aufile,{source}\naudio_player aufile,{self.heard}\naudio_alert aufile,/dev/null\n"
                f"rtp_ports 32000-32766\nrtp_stats yes\nmodule_path {_MODULES}\nmodule g711.so\nmodule aufile.so\n"
                f"module_app account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\nctrl_tcp_listen {peers.HOST}:{self.control}\n")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["baresip", "-f", self.folder] + (["-e", "/dial " + dial] if dial else []),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def text(self):
        with open(self.log, errors="replace") as file:
            return re.sub(r"\x1b\[[0-9;]*m", "", file.read())

    def registered(self, seconds=10):
        return peers.wait_for(lambda: "200 OK" in self.text(), seconds)

    def established(self, seconds=15):
        return peers.wait_for(lambda: "Call established" in self.text(), seconds)

    def command(self, name, parameters=""):
        """A command of baresip's menu over its control port (a netstring of JSON)."""
        text = json.dumps({"command": name, "params": parameters})
        with socket.create_connection((peers.HOST, self.control), 2) as line:
            line.sendall(f"{len(text)}:{text},".encode())
            line.settimeout(2)
            try:
                return line.recv(4096).decode(errors="replace")
            except OSError:
                return ""

    def stop(self):
        peers.end(self.process)

    def packets(self):
        """(sent, received) RTP packets as baresip counted them over its finished calls."""
        rows = re.findall(r"^packets:\s+(\d+)\s+(\d+)", self.text(), re.M)
        return sum(int(sent) for sent, _ in rows), sum(int(received) for _, received in rows)


def _sine(path, seconds=30):
    second = b"".join(struct.pack("<h", int(10000 * math.sin(2 * math.pi * 440 * i / 8000))) for i in range(8000))
    with wave.open(path, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(second * seconds)
