# SPDX-License-Identifier: MIT
"""The application that fills the file system: board_app.py's records; full from the 20th on, until a withdrawal is done."""

import os

import board_app

FILE = "/usr/fill"
FULL_AT = 20
USAGE, WITHDRAWN = 1, 2


def _there():
    try:
        os.stat(FILE)
        return True
    except OSError:
        return False


def _fill():
    """Every block that is left."""
    piece = bytes(4096)
    blocks = 0
    try:
        with open(FILE, "wb") as file:
            while file.write(piece) == len(piece):
                file.flush()
                blocks += 1
    except OSError as error:
        print("app full: %d blocks, then error %d" % (blocks, error.args[0]))


_state = {"full": _there(), "was": _there()}


def step(agent):
    board_app.step(agent)
    consent = agent.consent
    if not _state["was"] and board_app._state["n"] >= FULL_AT:
        _state["full"] = _state["was"] = True
        _fill()
    elif _state["full"] and consent.purposes[USAGE].status == WITHDRAWN and not consent.intents and not consent.unacknowledged:
        _state["full"] = False
        os.remove(FILE)
        print("app made room")
