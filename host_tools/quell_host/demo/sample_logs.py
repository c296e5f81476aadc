# SPDX-License-Identifier: MIT
"""Log lines for the demo: this machine's own package log where it has one, and a network's neighbours."""

import itertools
from pathlib import Path

_PACKAGE_LOG = Path("/var/log/dpkg.log")
_FALLBACK = [
    "2026-01-02 03:04:05 status unpacked libffi8:amd64 3.4.4-1",
    "2026-01-02 03:04:06 status installed libffi8:amd64 3.4.4-1",
    "2026-01-02 03:04:07 configure libffi8:amd64 3.4.4-1 <none>",
]
_CANARY_LINES = [
    "sim: IMEI {imei} IMSI {imsi} ICCID {iccid}",
    "login of {mail} from {phone}",
    "net neighbour 198.51.100.23 is at {mac}",
    "net neighbour 203.0.113.9 is at {mac}; seen by {mail}",
]


class Logs:
    """Two log files in `folder`. `canaries`: identifiers in their lines that must never leave raw."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._packages = folder / "packages.log"
        self._network = folder / "network.log"
        self._packages.touch()
        self._network.touch()
        self.canaries = {
            "canary imei": "490154203237518",
            "canary imsi": "262011234567890",
            "canary iccid": "8949021234567890123",
            "canary mail": "owner.canary@example.org",
            "canary phone": "+4915112345678",
            "canary mac": "02:4e:a1:7c:90:5d",
            "canary neighbour": "198.51.100.23",
        }
        try:
            lines = _PACKAGE_LOG.read_text(errors="replace").splitlines()
        except OSError:
            lines = []
        self._real = itertools.cycle(lines or _FALLBACK)
        self._canary = itertools.cycle(
            line.format(
                imei=self.canaries["canary imei"],
                imsi=self.canaries["canary imsi"],
                iccid=self.canaries["canary iccid"],
                mail=self.canaries["canary mail"],
                phone=self.canaries["canary phone"],
                mac=self.canaries["canary mac"],
            )
            for line in _CANARY_LINES
        )

    def write(self, count: int) -> None:
        """Append `count` lines to each log, as services would."""
        for path, lines in ((self._packages, self._real), (self._network, self._canary)):
            with path.open("a", encoding="utf-8") as file:
                file.writelines(next(lines) + "\n" for _ in range(count))


class NoLogs:
    """Of a device that follows no log files."""

    def __init__(self) -> None:
        self.canaries: dict[str, str] = {}

    def write(self, count: int) -> None:
        """Nothing to write."""
