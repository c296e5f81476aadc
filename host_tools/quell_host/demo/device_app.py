# SPDX-License-Identifier: MIT
"""The application beside the agent in the demo. Runs on MicroPython; `quell agent run` loads it.

Emits numbered records while the file `produce` is there, raises an exception once, and writes down how
many records the agent refused and took.
"""

import os

FOLDER = os.getenv("QUELL_DEMO_FOLDER")
_MODES = ("idle", "charge", "drive")


class App:
    """Counts of this run. `every`: one record in so many steps."""

    def __init__(self):
        self.steps = self.taken = self.refused = 0
        self.raised = False


_app = App()


def _exists(name):
    try:
        os.stat(FOLDER + "/" + name)
        return True
    except OSError:
        return False


def step(agent):
    """Called by the agent's loop after each of its steps."""
    _app.steps += 1
    if _app.steps % 2 or not _exists("produce"):
        return
    n = _app.taken + 1
    fields = {"number": n, "mode": _MODES[n % 3], "took": 40 * (n % 25), "owner": "not in the policy"}
    if agent.emit("usage", fields):
        _app.taken = n
    else:
        _app.refused += 1
    with open(FOLDER + "/emitted.txt", "w") as file:
        file.write(str(_app.taken) + " " + str(_app.refused))
    if _app.taken == 20 and not _app.raised:
        _app.raised = True
        raise ValueError("a message that may hold anything, even a name: owner@example.org")
