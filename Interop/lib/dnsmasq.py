# SPDX-License-Identifier: Apache-2.0
"""A private dnsmasq on loopback with the records of a story."""
import os
import subprocess

import peers


class Dnsmasq:
    """One dnsmasq process; `asked` gives its questions."""

    _count = 0

    def __init__(self, story, *records):
        Dnsmasq._count += 1
        self.port = peers.free_port()
        self.server = f"{peers.HOST}:{self.port}"
        self.log = story.path(f"dnsmasq{Dnsmasq._count}.log")
        config = story.path(f"dnsmasq{Dnsmasq._count}.conf")
        with open(config, "w") as file:
            file.write("\n".join([
                f"port={self.port}", f"listen-address={peers.HOST}", "bind-interfaces", "no-resolv", "no-hosts",
                "local=/example/", "local-ttl=300", "log-queries", f"log-facility={self.log}", "pid-file", *records, ""]))
        self.process = subprocess.Popen(
            ["/usr/sbin/dnsmasq", "--keep-in-foreground", f"--conf-file={config}", f"--user={os.getuid()}"
             if os.getuid() else "--user=root"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        story.ends(self.process)
        if not peers.wait_for(lambda: self.process.poll() is not None or "started" in self.text(), 5) \
                or self.process.poll() is not None:
            raise RuntimeError("dnsmasq did not start: " + self.text())

    def text(self):
        if not os.path.exists(self.log):
            return ""
        with open(self.log, errors="replace") as file:
            return file.read()

    def asked(self):
        """Its questions in order: ("SRV", "_sip._udp.pbx.example")."""
        return [
            (line.split("query[")[1].split("]")[0], line.split("] ")[1].split(" ")[0])
            for line in self.text().splitlines() if "query[" in line]


def naptr(name, order, preference, service, replacement):
    return f"naptr-record={name},{order},{preference},s,{service},,{replacement}"


def srv(name, host, port, priority=0, weight=0):
    return f"srv-host={name},{host},{port},{priority},{weight}"


def host(name, address=peers.HOST):
    return f"host-record={name},{address}"
