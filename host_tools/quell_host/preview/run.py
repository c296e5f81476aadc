# SPDX-License-Identifier: MIT
"""Run a preview: the real data path on MicroPython, with a key made for it, in a folder that goes away."""

import datetime
import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from quell_host import runtime
from quell_host.errors import QuellError
from quell_host.keys.files import Signer
from quell_host.policy.build import build
from quell_host.policy.catalogue import catalogue
from quell_host.policy.document import Document
from quell_host.policy.encode import sign_policy
from quell_host.preview.description import Description
from quell_host.wire import cbor


@dataclass(frozen=True)
class Job:
    """What to preview. `logs`: log name → file; `consent`: as if every purpose had its consent."""

    document: Document
    description: Description
    logs: dict[str, Path]
    consent: bool = True
    time_s: int = field(default_factory=lambda: int(time.time()))


@dataclass(frozen=True)
class PreviewRecord:
    """One record that would leave. `time`: ISO 8601, or boot and uptime while no clock is set."""

    purpose: str
    time: str
    fields: dict[str, int | bool | str]


@dataclass(frozen=True)
class Progress:
    """So many log lines are done."""

    lines: int


@dataclass(frozen=True)
class Summary:
    """The end: batches and their bytes, and what did not leave, by reason."""

    batches: int
    wire_bytes: int
    counts: dict[str, int]


def open_policy(path: Path, today: datetime.date) -> tuple[Document, Signer]:
    """A policy from FILE.toml or FILE.quell, signed again by a key made for this preview."""
    signer = Signer.of("policy", ec.generate_private_key(ec.SECP256R1()))
    if path.suffix == ".toml":
        return build(path, signer, None, today).document, signer
    policy = Document.read(path).policy
    return Document.open(sign_policy(policy, signer), {signer.kid: signer.public}), signer


def _request(signer: Signer) -> bytes:
    anchor = [signer.kid, signer.role, signer.public, b""]
    return cbor.encode({0: os.urandom(16), 1: os.urandom(32), 2: 1, 3: os.urandom(64), 4: [anchor]})


def run(job: Job, signer: Signer) -> Iterator[PreviewRecord | Progress | Summary]:
    """Yield records as they would leave, progress, and the summary last. Raises QuellError."""
    with tempfile.TemporaryDirectory(prefix="quell-preview-") as folder:
        policy_path = Path(folder) / "policy.quell"
        policy_path.write_bytes(job.document.data)
        job_path = Path(folder) / "job.json"
        job_path.write_text(json.dumps(_shape(job, signer, folder, policy_path)))
        command = [*runtime.command("ports/unix/preview.py"), str(job_path)]
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=runtime.environment(),
        ) as process:
            errors: list[str] = []
            reader = threading.Thread(target=lambda: errors.extend(process.stderr or []))
            reader.start()
            try:
                for line in process.stdout or []:
                    yield _parse(job.document, json.loads(line))
            finally:
                if not _ended(process):
                    process.kill()
                reader.join()
        if process.returncode:
            why = errors[-1].strip() if errors else f"exit code {process.returncode}"
            raise QuellError(f"the preview failed: {why}")


def _ended(process: subprocess.Popen[str]) -> bool:
    """True once the process has closed its output and only has to be waited for."""
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        return False
    return True


def _shape(job: Job, signer: Signer, folder: str, policy_path: Path) -> dict[str, Any]:
    return {
        "dir": str(Path(folder) / "device"),
        "prov": _request(signer).hex(),
        "policy": str(policy_path),
        "sources": {str(number): value for number, value in job.description.sources.items()},
        "emit": job.description.emit,
        "exceptions": job.description.exceptions,
        "logs": {name: str(path) for name, path in job.logs.items()},
        "consent": job.consent,
        "groups": list(catalogue().groups),
        "time_s": job.time_s,
    }


def _parse(document: Document, shaped: dict[str, Any]) -> PreviewRecord | Progress | Summary:
    if "lines" in shaped:
        return Progress(shaped["lines"])
    if "counts" in shaped:
        return Summary(shaped["batches"], shaped["wire_bytes"], shaped["counts"])
    purpose = document.purpose_by_id(shaped["purpose"])
    if purpose is None:
        raise QuellError("the preview gave a purpose that the policy does not have")
    fields = {}
    for number, value in sorted((int(key), item) for key, item in shaped["fields"].items()):
        known = document.field_by_id(number)
        if known is None:
            raise QuellError("the preview gave a field that the policy does not have")
        raw = bytes.fromhex(value["hex"]) if isinstance(value, dict) else value
        fields[known.name] = document.render(known.id, raw)
    seconds = shaped["time"] * purpose.granularity_s
    if shaped["trust"]:
        moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
        return PreviewRecord(purpose.name, moment.strftime("%Y-%m-%dT%H:%M:%SZ"), fields)
    return PreviewRecord(purpose.name, f"boot {shaped['boot']} +{seconds} s", fields)
