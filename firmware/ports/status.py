# SPDX-License-Identifier: MIT
"""The agent's state as JSON for `quell agent status`: codes, names and counts, never a value."""

from ports.reasons import NAMES
from quell import __version__
from quell.codec.builtin import hex_text
from quell.codec.divide import floor_divide
from quell.data.decide import refusal

try:
    import ujson as json
    import uos as os
except ImportError:
    import json
    import os

STATUS = ("ConsentUnknown", "ConsentGiven", "ConsentWithdrawn", "ConsentRevoked")
_BASIS = ("contract", "legal-obligation", "legitimate-interest", "consent")


def _purpose(agent, purpose):
    entry = agent.consent.purposes[purpose.id]
    reason = refusal(agent.data.policy, agent.consent, purpose, agent.clock.floor_now_s())
    return {
        "id": purpose.id,
        "name": purpose.name,
        "basis": _BASIS[purpose.basis],
        "status": STATUS[entry.status],
        "generation": entry.generation,
        "challenge": hex_text(entry.challenge),
        "collecting": reason == 0,
        "why": NAMES[reason],
        "ring": agent.rings.stats(purpose.id),
    }


def state_of(session):
    """How far the connection has come."""
    return "answered" if session.answered else "connected" if session.connected else "down"


def trouble_of(session, modem):
    """What keeps the modem (or None) from the network while nothing is connected; "" where it is not the modem."""
    return "" if modem is None or session.connected else modem.trouble_name


def link(session, modem=None):
    """The status' part about the connection -> dict: of the modem, where that is what stands in the way."""
    trouble = trouble_of(session, modem)
    return {
        "state": state_of(session),
        "answered": session.answered,
        "failures": max(session.failures, modem.failures) if trouble else session.failures,
        "last_error": trouble or session.last_error,
    }


def status(agent, link_part=None):
    """-> dict, shape 1 (host_tools/README.md). `link_part`: of an agent that was closed, `link` before that."""
    policy = agent.data.policy
    return {
        "schema": 1,
        "version": __version__,
        "device": agent.provisioning.device_hex,
        "instance": hex_text(agent.consent.instance),
        "boot": agent.consent.boots,
        "uptime_s": floor_divide(agent.clock.uptime_ms(), 1000),
        "policy": None
        if policy is None
        else {
            "hash": hex_text(policy.hash),
            "name": policy.name,
            "version": policy.version,
            "expires": policy.expires_s,
        },
        "purposes": [] if policy is None else [_purpose(agent, p) for p in policy.purposes],
        "link": link_part or link(agent.session),
        "counters": {NAMES[reason]: n for reason, n in agent.counters.as_map().items()},
        "updated": agent.clock.now()[1],
    }


def write(agent, path):
    """Replace the status file. Best effort: a full disk must not stop the agent."""
    try:
        with open(path + ".new", "w") as file:
            file.write(json.dumps(status(agent)))
        os.rename(path + ".new", path)
    except OSError:
        pass
