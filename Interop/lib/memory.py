# SPDX-License-Identifier: Apache-2.0
"""Memory and cores of processes searched for secrets: which of thousands of byte strings lie where."""
import hashlib
import os
import subprocess

PIECE = 1 << 24  # what is read at once
OVERLAP = 128  # longer than any string that is searched for


class Secret:
    """A password with its account, and everything that is as good as it."""

    def __init__(self, user, word, realms):
        self.user, self.word = user, word
        self.forms = {"password": word.encode(), "password in hex": word.encode().hex().encode()}
        for realm in realms:
            for name in ("md5", "sha256", "sha512-256"):
                key = _hash(name, f"{user}:{realm}:{word}".encode())
                self.forms[f"{name} key"] = key
                self.forms[f"{name} key in hex"] = key.hex().encode()
                self.forms[f"{name} key in HEX"] = key.hex().upper().encode()


def _hash(name, text):
    if name == "sha512-256":
        return hashlib.new("sha512_256", text).digest()
    return hashlib.new(name, text).digest()


class Search:
    """Looks for secrets in big memory with one grep for all: each half of each form is looked for, so that half a password
    in a register that was spilled is found as well."""

    def __init__(self, folder, secrets):
        self.folder = folder
        self.names = {}
        for secret in secrets:
            for form, value in secret.forms.items():
                middle = len(value) // 2
                for half in (value[:middle], value[middle:]):
                    self.names[_without_separators(half)] = (secret.user, form)
        self.patterns = os.path.join(folder, "patterns")
        with open(os.open(self.patterns, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(b"\n".join(self.names))

    def pieces(self, pieces):
        """What is found in (address, bytes) pieces: a list of (address, user, form, bytes around)."""
        found = []
        for address, data in pieces:
            # Line ends separate grep's patterns, so no pattern and no data has any.
            plain = data.replace(b"\n", b"\v")
            result = subprocess.run(
                ["grep", "-F", "-a", "-z", "-o", "-b", "-f", self.patterns, "-"], input=plain, capture_output=True,
                env={"LC_ALL": "C", "PATH": os.environ.get("PATH", "/usr/bin:/bin")})
            if result.returncode > 1:
                raise RuntimeError("grep: " + result.stderr.decode(errors="replace"))
            for line in result.stdout.split(b"\0"):
                if line:
                    place, _, text = line.partition(b":")
                    place = int(place)
                    user, form = self.names[text]
                    # grep leaves runs of separators out of its count, so the place is at least this one.
                    place = max(place, plain.find(text, place))
                    found.append((address + place, user, form, data[max(0, place - 64):place + 96]))
        return found

    def process(self, pid):
        """What is found in the writable memory of a process."""
        return self.pieces(writable_memory(pid))

    def file(self, path):
        """What is found in a file."""
        def read():
            with open(path, "rb") as file:
                place, tail = 0, b""
                while data := file.read(PIECE):
                    if data.count(0) < len(data):
                        yield place - len(tail), tail + data
                    tail = data[-OVERLAP:]
                    place += len(data)
        return self.pieces(read())


def _without_separators(value):
    """The longest part without a zero byte, which separates lines for grep; line ends as they stand in the data."""
    return max(value.replace(b"\n", b"\v").split(b"\0"), key=len)


def mappings(pid, wanted="rw"):
    """(start, end, name) of the mappings with these rights."""
    with open(f"/proc/{pid}/maps") as table:
        for line in table:
            fields = line.split(maxsplit=5)
            start, end = (int(part, 16) for part in fields[0].split("-"))
            if fields[1].startswith(wanted):
                yield start, end, fields[5].strip() if len(fields) > 5 else ""


def writable_memory(pid):
    """(address, bytes) of all writable memory of a process; what is all zero is left out."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for start, end, _ in list(mappings(pid)):
            place = start
            while place < end:
                try:
                    data = os.pread(memory.fileno(), min(end - place, PIECE + OVERLAP), place)
                except OSError:
                    break  # a mapping that went meanwhile
                if not data:
                    break
                if data.count(0) < len(data):
                    yield place, data
                place += PIECE


def where(pid, address):
    """The mapping an address lies in."""
    return next((name or "anonymous" for start, end, name in mappings(pid, "") if start <= address < end), "?")


def told(found, pid=None):
    """Findings for people: how many of what, and some places."""
    count = {}
    for _, _, form, _ in found:
        count[form] = count.get(form, 0) + 1
    lines = [f"{number} × {form}" for form, number in count.items()]
    for address, user, form, around in found[:int(os.environ.get("FOUND", "8"))]:
        place = where(pid, address) if pid else ""
        lines.append(f"{address:#x} {place} {user} {form}: {around!r}")
    return "\n".join(lines)


def is_locked(pid, address):
    """Whether an address lies in memory that is locked, left out of cores, and wiped in forks."""
    inside = False
    with open(f"/proc/{pid}/smaps") as table:
        for line in table:
            first = line.split()[0]
            if "-" in first and not first.endswith(":"):
                start, end = (int(part, 16) for part in first.split("-"))
                inside = start <= address < end
            elif inside and line.startswith("VmFlags:"):
                return {"lo", "dd", "wf"} <= set(line.split()[1:])
    return False
