# SPDX-License-Identifier: Apache-2.0
"""The frame of a story: a private folder, bounded time, facts that hold or not, everything ended and removed."""
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback

import kamailio
import peers


class Story:
    """`with Story(seconds=60) as story:`; each `fact` prints one line; leaving prints `N passed, N failed` and exits."""

    def __init__(self, seconds=60):
        self.seconds = seconds
        self.passed = 0
        self.failed = 0
        self._started = []
        self._servers = []

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="interop-")
        os.chmod(self.folder, 0o700)
        self._begin = time.monotonic()
        signal.signal(signal.SIGALRM, self._late)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        signal.alarm(self.seconds)
        return self

    def _late(self, *_):
        raise TimeoutError(f"the story took longer than {self.seconds} s")

    def __exit__(self, kind, error, trace):
        signal.alarm(0)
        if kind and not issubclass(kind, SystemExit):
            self.fact("the story ran to its end", False, "".join(traceback.format_exception(error))[-2500:])
        for process in reversed(self._started):
            process.stop() if hasattr(process, "stop") else peers.end(process)
        for run in self._servers:
            kamailio.down(run)
        if os.environ.get("KEEP"):
            print("kept:", self.folder)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
        print(f"{time.monotonic() - self._begin:.1f} s")
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        if kind and issubclass(kind, KeyboardInterrupt):
            return False
        sys.exit(0 if self.failed == 0 and self.passed > 0 else 1)

    def fact(self, text, holds, otherwise=""):
        """Says whether something expected was so; `otherwise` explains where not."""
        if holds:
            self.passed += 1
            print("ok    " + text, flush=True)
        else:
            self.failed += 1
            detail = str(otherwise).strip().replace("\n", "\n      | ")
            print("FAIL  " + text + (f"\n      | {detail}" if detail else ""), flush=True)
        return bool(holds)

    def equal(self, text, got, wanted):
        return self.fact(text, got == wanted, f"got {got!r}, wanted {wanted!r}")

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def ends(self, process):
        """Leaves the ending of a process (or peer) to the story."""
        self._started.append(process)
        return process

    def kamailio(self, accounts, **options):
        """A Kamailio that ends with the story: its run directory and port."""
        run = self.path(f"kamailio{len(self._servers)}")
        self._servers.append(run)
        return run, kamailio.up(run, accounts, **options)
