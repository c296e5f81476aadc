# SPDX-License-Identifier: MIT
"""Steps of a build: a line of progress each, output in a log, a stamp so that none is done twice.

Plain standard library: this runs before anything is installed.
"""

import hashlib
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
LOGS = BUILD / "log"

CLONE_HINT = (
    "MicroPython's source can come from a clone of upstream tag v1.25.0 instead: "
    "make setup MICROPYTHON_SRC=/path/to/clone"
)

# What apt and pip say when they can't reach a server.
_NO_NETWORK = (
    "Temporary failure",
    "Could not resolve",
    "Could not connect",
    "Connection failed",
    "Unable to connect",
    "Network is unreachable",
    "Connection refused",
    "Connection timed out",
    "connection broken",
    "Max retries exceeded",
)


class Failure(Exception):
    """Setup can't go on: one line that says why and what to do."""


class Step:
    """`with Step(title, log) as step: step.run(["make"])` shows the title and the time taken."""

    def __init__(self, title, log):
        self.title = title
        self.log = LOGS / (log + ".log")
        self.live = sys.stdout.isatty()
        self.tail = []

    def __enter__(self):
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.write_text("")
        self.start = time.monotonic()
        print(f"  {self.title:<44s} ", end="", flush=True)
        return self

    def __exit__(self, kind, error, trace):
        self._show(f"{time.monotonic() - self.start:.1f} s" if kind is None else "failed")
        print()
        for line in self.tail:
            print("    " + line)
        sys.stdout.flush()

    def _show(self, note):
        line = f"\r  {self.title:<44s} " if self.live else ""
        print(line + note, end="", flush=True)

    def run(self, command, why=None, check=True, **options):
        """Run a program, its output in the log. `why` is the line to show when it fails."""
        command = [str(word) for word in command]
        with self.log.open("a") as log:
            print("$ " + " ".join(command), file=log, flush=True)
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **options
            )
            code = self._wait(process)
        if code == 0 or not check:
            return
        output = self.log.read_text(errors="replace")
        why = why or f"{self.title}: {command[0]} failed"
        where = self.log.relative_to(ROOT)
        unreachable = any(sign in output for sign in _NO_NETWORK)
        if unreachable and "CERTIFICATE_VERIFY_FAILED" not in output:
            raise Failure(f"no network, or a server is out of reach (see {where}): {why}")
        self.tail = output.splitlines()[-20:]
        raise Failure(f"{why} (see {where})")

    def _wait(self, process):
        try:
            while True:
                try:
                    return process.wait(timeout=1 if self.live else None)
                except subprocess.TimeoutExpired:
                    self._show(f"{time.monotonic() - self.start:.0f} s")
        except BaseException:
            process.terminate()
            process.wait()
            raise


class Stamp:
    """Remembers from what a step was done: `fresh()` while inputs are the same and outputs exist.

    An input is a file (a Path, for its content) or a text.
    """

    def __init__(self, name, inputs, outputs):
        self.file = BUILD / "stamps" / name
        self.outputs = outputs
        digest = hashlib.sha256()
        for item in inputs:
            data = item.read_bytes() if isinstance(item, Path) else item.encode()
            digest.update(hashlib.sha256(data).digest())
        self.digest = digest.hexdigest()

    def fresh(self):
        if not all(output.exists() for output in self.outputs):
            return False
        return self.file.exists() and self.file.read_text() == self.digest

    def mark(self):
        for output in self.outputs:
            if not output.exists():
                raise Failure(f"{output.relative_to(ROOT)} was not made: `make clean`, try again")
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(self.digest)


def run_main(name, main):
    """Run `main()`; a failure ends as one line on stderr and exit code 1, without a traceback."""
    try:
        main()
    except (Failure, OSError) as error:
        sys.exit(f"{name}: {error}")
    except KeyboardInterrupt:
        print(f"\n{name}: interrupted", file=sys.stderr)
        sys.exit(130)
