# SPDX-License-Identifier: MIT
"""The purpose digest: SHA-256 over what a person agrees to (SPEC §7).

When it changes, a consent given before ends. Ids, templates' ids, weight, required and the rates
are not in it: they change nothing for the person.
"""

import hashlib

from quell_host.policy.model import Field, Policy, Purpose
from quell_host.wire import cbor

LABEL = "quell/1 purpose"


def purpose_digest(policy: Policy, purpose: Purpose) -> bytes:
    """The digest (32 bytes) of a purpose of a policy that was read from TOML.

    A signed file cannot be digested again: it holds no names of captures.
    """
    fields = sorted(policy.fields_of(purpose.id), key=lambda field: field.name.encode())
    return hashlib.sha256(
        cbor.encode(
            [
                LABEL,
                purpose.name,
                purpose.text,
                int(purpose.basis),
                list(policy.controller),
                list(purpose.recipients),
                purpose.region,
                purpose.granularity_s,
                purpose.retention_s,
                purpose.notice,
                list(purpose.grant_by),
                purpose.epoch_s,
                purpose.every_s,
                [
                    [
                        field.name,
                        source_text(policy, field),
                        field.category,
                        int(field.action),
                        list(field.parameters),
                    ]
                    for field in fields
                ],
            ]
        )
    ).digest()


def source_text(policy: Policy, field: Field) -> str:
    """What the digest says of a field's source: `device.os`, or `log.<log>:<line>:<capture>`."""
    if isinstance(field.ref, int):
        return field.source
    template = policy.template(field.ref[0])
    if template is None:
        raise ValueError(f"field {field.name} has no template")
    return f"log.{template.log}:{template.line}:{template.captures[field.ref[1]]}"
