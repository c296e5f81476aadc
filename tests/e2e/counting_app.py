# SPDX-License-Identifier: MIT
"""The application of the end-to-end tests, on MicroPython: numbered durable records while the file `produce` is there.

What the agent calls durable is written down, so that a test can hold it to its word over kills.
"""

import os

FOLDER = os.getenv("QUELL_DEMO_FOLDER")
DURABLE = 2
_state = {"n": 0, "steps": 0}


def step(agent):
    _state["steps"] += 1
    try:
        os.stat(FOLDER + "/produce")
    except OSError:
        return
    number = agent.consent.boots * 100000 + _state["n"]
    if agent.emit("usage", {"number": number}, durable=True) == DURABLE:
        _state["n"] += 1
        with open(FOLDER + "/durable.txt", "a") as file:
            file.write("%d\n" % number)
