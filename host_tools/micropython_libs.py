# SPDX-License-Identifier: MIT
"""Get MicroPython libraries from PyPI: `.venv/bin/python micropython_libs.py FOLDER`.

They are archives without a build script, which `pip download` refuses. So pip's own package finder
looks them up and its session downloads them, with the index, proxy and certificates that pip is
configured for. That reaches into pip: its version is pinned in requirements.lock. The archives'
SHA-256 are pinned here.
"""

import hashlib
import io
import logging
import sys
import tarfile
from pathlib import Path

from pip._internal.commands import create_command

# name, version, SHA-256 of the archive, the file wanted from it
LIBRARIES = (
    (
        "micropython-umqtt.simple",
        "1.3.4",
        "b6a2520239e3992c63a7de9370ee9b3d9d27819a90359c521f1c0f7ccab8d12f",
        "umqtt/simple.py",
    ),
    (
        "micropython-unittest",
        "0.4",
        "83b4a65c44b2f6382bc3dd8fbbe002b5679dbfc3744b99eaa59802e6fd14cf67",
        "unittest.py",
    ),
)


def download(name, version):
    """The bytes of the source archive NAME-VERSION.tar.gz."""
    command = create_command("download")
    with command.main_context():
        options, _ = command.parse_args([name, "--retries", "2"])
        session = command.get_default_session(options)
        finder = command._build_package_finder(options, session)
        for candidate in finder.find_all_candidates(name):
            link = candidate.link
            if str(candidate.version) == version and link.filename.endswith(".tar.gz"):
                response = session.get(link.url_without_fragment)
                response.raise_for_status()
                return response.content
    sys.exit(f"{name} {version} was not found")


def main(folder):
    for name, version, digest, wanted in LIBRARIES:
        archive = download(name, version)
        found = hashlib.sha256(archive).hexdigest()
        if found != digest:
            sys.exit(f"{name} {version}: SHA-256 is {found}, not the pinned {digest}")
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            data = tar.extractfile(f"{name}-{version}/{wanted}").read()
        target = folder / wanted
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")  # pip tells why it finds nothing
    main(Path(sys.argv[1]))
