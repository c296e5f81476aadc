# SPDX-License-Identifier: MIT
"""Devices: added at provisioning, found by id, prefix or label; their keys and signers."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from quell_host.errors import ExitCode, QuellError
from quell_host.keys.files import Enrolment
from quell_host.ledger import schema
from quell_host.ledger.keyring import Keyring
from quell_host.wire import kdf

_devices = schema.devices


@dataclass(frozen=True)
class NewDevice:
    """What provisioning made. `device` 16 bytes, `device_key` 32, `public` 64."""

    device: bytes
    public: bytes
    region: str
    label: str | None
    key_version: int
    device_key: bytes = field(repr=False)


@dataclass(frozen=True)
class NamedSigner:
    """An enrolment and the name of its key file."""

    name: str
    enrolment: Enrolment


def add(
    connection: Connection,
    keyring: Keyring,
    new: NewDevice,
    signers: Iterable[NamedSigner],
    now_s: int,
) -> None:
    """Record a provisioned device. Raises QuellError when its label is taken."""
    check_label(connection, new.label)
    device = new.device.hex()
    connection.execute(
        insert(_devices).values(
            device=device,
            label=new.label,
            region=new.region,
            public_key=new.public.hex(),
            provisioned_s=now_s,
        )
    )
    region_kid, wrapped = keyring.wrap(
        new.region, _key_use(new.device, new.key_version), new.device_key
    )
    connection.execute(
        insert(schema.device_keys).values(
            device=device, version=new.key_version, region_kid=region_kid, wrapped=wrapped
        )
    )
    for signer in signers:
        _add_signer(connection, keyring, new, signer)


def check_label(connection: Connection, label: str | None) -> None:
    """Raise QuellError when another device has this label."""
    if label is None:
        return
    query = select(_devices.c.device).where(_devices.c.label == label)
    if connection.execute(query).first():
        raise QuellError(f"a device named {label} exists", "choose another", ExitCode.USAGE)


def _add_signer(
    connection: Connection, keyring: Keyring, new: NewDevice, signer: NamedSigner
) -> None:
    enrolment = signer.enrolment
    kid = enrolment.kid.hex()
    known = select(schema.signers.c.kid).where(schema.signers.c.kid == kid)
    if connection.execute(known).first() is None:
        connection.execute(
            insert(schema.signers).values(
                kid=kid,
                kind=enrolment.kind,
                role=enrolment.role,
                name=signer.name,
                public_key=enrolment.public.hex(),
            )
        )
    region_kid, wrapped = "", b""
    if enrolment.gate_secret:
        gate = kdf.gate_key(enrolment.gate_secret, new.device)
        region_kid, wrapped = keyring.wrap(new.region, _gate_use(new.device, kid), gate)
    connection.execute(
        insert(schema.device_signers).values(
            device=new.device.hex(), kid=kid, region_kid=region_kid, wrapped_gate=wrapped
        )
    )


def _key_use(device: bytes, version: int) -> bytes:
    return b"quell/1 device key" + device + bytes([version])


def _gate_use(device: bytes, kid: str) -> bytes:
    return b"quell/1 gate key" + device + bytes.fromhex(kid)


def get(connection: Connection, device: bytes) -> RowMapping | None:
    """The row of a device, or None when it is unknown."""
    query = select(_devices).where(_devices.c.device == device.hex())
    return connection.execute(query).mappings().first()


def every(connection: Connection) -> list[RowMapping]:
    """All devices, the first provisioned first."""
    query = select(_devices).order_by(_devices.c.provisioned_s, _devices.c.device)
    return list(connection.execute(query).mappings())


def find(connection: Connection, name: str) -> RowMapping:
    """The one device with this label, or whose id or label begins with `name`.

    Raises QuellError (usage) when there is none, or more than one.
    """
    rows = every(connection)
    exact = [row for row in rows if name in (row["label"], row["device"])]
    begins = [
        row
        for row in rows
        if row["device"].startswith(name.lower()) or (row["label"] or "").startswith(name)
    ]
    found = exact or (begins if name else [])
    if len(found) == 1:
        return found[0]
    if not found:
        raise QuellError(f"no device {name!r}", "see: quell device list", ExitCode.USAGE)
    what = f"{name!r} fits {len(found)} devices"
    raise QuellError(what, "give more of the id", ExitCode.USAGE)


def title(row: RowMapping) -> str:
    """What a person calls the device: its label, else the first 8 digits of its id."""
    return row["label"] or row["device"][:8]


def keys(connection: Connection, keyring: Keyring, device: bytes) -> dict[int, bytes]:
    """The device's keys by version; the highest is the one that acknowledgements use."""
    region = _region(connection, device)
    table = schema.device_keys
    query = select(table).where(table.c.device == device.hex()).order_by(table.c.version)
    return {
        row.version: keyring.unwrap(
            region, row.region_kid, _key_use(device, row.version), row.wrapped
        )
        for row in connection.execute(query)
    }


def gate_key(connection: Connection, keyring: Keyring, device: bytes, kid: bytes) -> bytes | None:
    """K_gate of a signer for the device; None when it is not enrolled, or signs policies only."""
    table = schema.device_signers
    query = select(table).where(table.c.device == device.hex(), table.c.kid == kid.hex())
    row = connection.execute(query).first()
    if row is None or not row.wrapped_gate:
        return None
    use = _gate_use(device, row.kid)
    return keyring.unwrap(_region(connection, device), row.region_kid, use, row.wrapped_gate)


def _region(connection: Connection, device: bytes) -> str:
    query = select(_devices.c.region).where(_devices.c.device == device.hex())
    return connection.execute(query).scalar_one()


def signers_of(connection: Connection, device: bytes) -> list[RowMapping]:
    """The signers enrolled on the device, by role: kid, kind, role, name, public_key."""
    join = schema.signers.join(
        schema.device_signers, schema.signers.c.kid == schema.device_signers.c.kid
    )
    query = (
        select(schema.signers)
        .select_from(join)
        .where(schema.device_signers.c.device == device.hex())
        .order_by(schema.signers.c.role, schema.signers.c.kid)
    )
    return list(connection.execute(query).mappings())


def public_keys(signers: Iterable[RowMapping], roles: frozenset[int]) -> dict[bytes, bytes]:
    """kid → public key (64 bytes) of the signers that have one of `roles`."""
    return {
        bytes.fromhex(row["kid"]): bytes.fromhex(row["public_key"])
        for row in signers
        if row["role"] in roles
    }


def change(connection: Connection, device: bytes, **values: Any) -> None:
    """Set columns of a device's row."""
    connection.execute(update(_devices).where(_devices.c.device == device.hex()).values(**values))
