# SPDX-License-Identifier: MIT
"""The agent's state as JSON for `quell agent status`: codes, names and counts, never a value."""

import os

from ports.reasons import NAMES
from quell import __version__
from quell.codec.builtin import hex_text
from quell.codec.divide import floor_divide
from quell.data.decide import refusal

try:
    import json
except ImportError:
    import ujson as json

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


def status(agent):
    """-> dict, shape 1 (host_tools/README.md)."""
    policy = agent.data.policy
    session = agent.session
    state = "answered" if session.answered else "connected" if session.connected else "down"
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
        "link": {
            "state": state,
            "answered": session.answered,
            "failures": session.failures,
            "last_error": session.last_error,
        },
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
