# SPDX-License-Identifier: MIT
"""What tests of the receiver do with consent: ask, withdraw, publish, look."""

from host.quell_device import DOCUMENT, STUDY, SUBJECT

from quell_host.control import consent as control
from quell_host.ledger import devices, records

PURPOSE = DOCUMENT.purpose_by_id(STUDY)


def held(world):
    with world.ledger.read() as connection:
        return records.query(connection)


def grant(world, signer=SUBJECT):
    with world.ledger.write() as connection:
        row = devices.get(connection, world.device.device)
        return control.grant(connection, world.keyring, row, PURPOSE, signer, world.now_s)


def withdraw(world, signer=SUBJECT):
    with world.ledger.write() as connection:
        row = devices.get(connection, world.device.device)
        return control.withdraw(connection, world.keyring, row, PURPOSE, signer, world.now_s)


def publish_due(world):
    """What a broker would retain now, by topic."""
    due = world.receiver.due()
    for message in due:
        world.receiver.published(message)
    return {message.topic: message.payload for message in due}


def given(world):
    """Connect, grant, and let the device answer."""
    world.connect()
    grant(world)
    payload = publish_due(world)[world.device.cmd(SUBJECT)]
    (signed,) = world.device.commands(payload, SUBJECT)
    return world.send(world.device.rcpt, world.device.granted(signed.raw))
