# SPDX-License-Identifier: MIT
"""A signed policy file (`*.quell`), opened: the policy, its hash and who signed it."""

import datetime
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quell_host.errors import ExitCode, QuellError
from quell_host.policy.decode import PayloadError, decode_payload
from quell_host.policy.encode import EXTERNAL_AAD
from quell_host.policy.limits import MAX_FILE_BYTES
from quell_host.policy.model import Field, Policy, Purpose
from quell_host.policy.render import Rendered, RenderError, render
from quell_host.policy.source import read_file
from quell_host.wire import cose


@dataclass(frozen=True)
class Document:
    """An opened policy file. `hash` (32 bytes) is SHA-256 of the whole file, `kid` its signer's.

    `verified` is True only when the signature was checked against a known key.
    """

    data: bytes
    hash: bytes
    kid: bytes
    verified: bool
    policy: Policy

    @classmethod
    def open(cls, file_bytes: bytes, public_keys: dict[bytes, bytes] | None) -> "Document":
        """Open the bytes of a policy file.

        public_keys: kid (8 bytes) → public key (64 bytes) of those who may sign policies; None:
        parse only, without verifying. Raises QuellError (code NOT_VERIFIED) when the signature
        does not verify, the signer is unknown, or the content is no policy of schema 1.
        """
        if len(file_bytes) > MAX_FILE_BYTES:
            raise _refused(f"it is over {MAX_FILE_BYTES} bytes")
        try:
            if public_keys is None:
                kid, payload = cose.parse1(file_bytes)
            else:
                kid, payload = cose.verify1(file_bytes, public_keys, EXTERNAL_AAD)
            policy = decode_payload(payload)
        except cose.CoseError as error:
            raise _refused(str(error)) from None
        except PayloadError as error:
            raise _refused(f"its content is wrong: {error}") from None
        digest = hashlib.sha256(file_bytes).digest()
        return cls(file_bytes, digest, kid, public_keys is not None, policy)

    @classmethod
    def read(cls, path: Path, public_keys: dict[bytes, bytes] | None = None) -> "Document":
        """`open` the file at `path`. The error names the file."""
        data = read_file(path, MAX_FILE_BYTES, "signed policy")
        try:
            return cls.open(data, public_keys)
        except QuellError as error:
            raise QuellError(f"{path}: {error.message}", error.hint, error.code) from None

    @property
    def name(self) -> str:
        """The policy's name."""
        return self.policy.name

    @property
    def version(self) -> int:
        """The policy's version, which rises with every change."""
        return self.policy.version

    @property
    def expires(self) -> int:
        """Unix seconds from which on the policy is no longer valid."""
        return self.policy.expires

    @property
    def purposes(self) -> list[Purpose]:
        """The purposes, by id."""
        return list(self.policy.purposes)

    @property
    def fields(self) -> list[Field]:
        """The fields, by id."""
        return list(self.policy.fields)

    def purpose_by_id(self, number: int) -> Purpose | None:
        """The purpose with this id, or None."""
        return next((item for item in self.policy.purposes if item.id == number), None)

    def purpose_by_name(self, name: str) -> Purpose | None:
        """The purpose with this name, or None."""
        return next((item for item in self.policy.purposes if item.name == name), None)

    def field_by_id(self, number: int) -> Field | None:
        """The field with this id, or None."""
        return next((item for item in self.policy.fields if item.id == number), None)

    def render(self, field_id: int, value: Any) -> Rendered:
        """The readable form of a stored value; see `policy.render.render`.

        Raises RenderError (a ValueError) for an unknown field or a value that it cannot hold.
        """
        field = self.field_by_id(field_id)
        if field is None:
            raise RenderError("unknown field")
        return render(field, value)

    def expired(self, now: datetime.datetime) -> bool:
        """True when the policy is no longer valid at `now`."""
        return now.timestamp() >= self.expires


def _refused(why: str) -> QuellError:
    return QuellError(
        f"this is not a policy that can be trusted: {why}",
        "get the file again from its signer, or trust the key that signed it",
        ExitCode.NOT_VERIFIED,
    )
