# SPDX-License-Identifier: MIT
"""A checked policy as the CBOR payload of SPEC §7, and the signed file around it."""

from typing import Any

from quell_host.errors import QuellError
from quell_host.keys.files import Signer
from quell_host.policy.catalogue import catalogue
from quell_host.policy.limits import MAX_FILE_BYTES
from quell_host.policy.model import Field, Op, Policy, Purpose, Template
from quell_host.wire import cbor, cose

SCHEMA = 1
EXTERNAL_AAD = cbor.encode(["quell/1 policy"])


def encode_payload(policy: Policy) -> bytes:
    """The payload: the same policy gives the same bytes."""
    return cbor.encode(
        {
            0: SCHEMA,
            1: policy.name,
            2: policy.version,
            3: policy.expires,
            4: list(policy.controller),
            5: [_purpose(purpose) for purpose in policy.purposes],
            6: [_field(field) for field in policy.fields],
            7: [_template(template) for template in policy.templates],
            8: dict(policy.rates),
            9: list(policy.narrows),
        }
    )


def _purpose(purpose: Purpose) -> dict[int, Any]:
    return {
        0: purpose.id,
        1: purpose.name,
        2: purpose.text,
        3: int(purpose.basis),
        4: purpose.granularity_s,
        5: purpose.retention_s,
        6: list(purpose.recipients),
        7: purpose.region,
        8: purpose.notice,
        9: list(purpose.grant_by),
        10: purpose.digest,
        11: purpose.every_s,
        12: purpose.weight,
        13: purpose.epoch_s,
    }


def _field(field: Field) -> dict[int, Any]:
    return {
        0: field.id,
        1: field.name,
        2: field.ref if isinstance(field.ref, int) else list(field.ref),
        3: catalogue().categories[field.category],
        4: list(field.purposes),
        5: int(field.action),
        6: list(field.parameters),
        7: field.required,
        8: int(field.type),
    }


def _template(template: Template) -> dict[int, Any]:
    return {
        0: template.id,
        1: template.name,
        2: template.log,
        3: [_op(op) for op in template.ops],
    }


def _op(op: Op) -> bytes | list[Any]:
    if isinstance(op, bytes):
        return op
    kind, capture, parameter = op
    return [kind, capture, None if parameter is None else list(parameter)]


def sign_policy(policy: Policy, signer: Signer) -> bytes:
    """The signed policy, `*.quell`.

    Raises QuellError when the signer is not of kind `policy`, or the file is over 16,384 bytes or
    over the number of items that an agent takes.
    """
    if signer.kind != "policy":
        raise QuellError(
            f"a key of kind {signer.kind} signs no policy",
            "use one of kind policy: quell keys list",
        )
    payload = encode_payload(policy)
    todo = "collect fewer fields, or shorten texts and templates"
    if len(payload) <= MAX_FILE_BYTES:
        signed = cose.sign1(signer.private_key, signer.kid, EXTERNAL_AAD, payload)
        if len(signed) <= MAX_FILE_BYTES:
            _check_items(payload, todo)
            return signed
    raise QuellError(
        f"the compiled policy has {len(payload)} bytes, with its signature over {MAX_FILE_BYTES}",
        todo,
    )


def _check_items(payload: bytes, todo: str) -> None:
    try:
        cbor.decode(payload)
    except cbor.CborError as error:
        raise QuellError(f"the compiled policy is too large: {error}", todo) from None
