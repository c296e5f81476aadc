# SPDX-License-Identifier: MIT
"""What the module is and what is around it: the job's facts, which may change, and what outlives a restart."""

import ujson
from qpysim import ending

facts = {}
kept = {}  # outlives a restart: JSON values only

_listeners = []
_file = [None, None]  # how to open it, its path


def load(job, open_host):
    """Take the facts of a job. `open_host(path, mode)` opens a file of the host."""
    facts.update(job["facts"])
    _file[:] = [open_host, job.get("state")]
    if _file[1]:
        try:
            with open_host(_file[1], "r") as file:
                kept.update(ujson.load(file))
        except OSError:
            pass  # the first start
        except ValueError:
            ending.tell("what " + _file[1] + " holds is no JSON: it begins anew")
    if kept.get("pin_wanted") and facts["sim_status"] == 1:
        facts["sim_status"] = 2  # the card asks for its PIN at each start


def save():
    """Write what outlives a restart, at once."""
    if _file[1]:
        with _file[0](_file[1], "w") as file:
            ujson.dump(kept, file)


def generation():
    """"g1" or "g2": which QuecPython this is."""
    return facts["generation"]


def g2():
    """Whether it is the UniRTOS component, with its other shapes."""
    return facts["generation"] == "g2"


def model_is(*beginnings):
    """Whether the model's name begins with one of these."""
    for beginning in beginnings:
        if (facts["model"] or "").startswith(beginning):
            return True
    return False


def listen(listener):
    """`listener(keys)` is called after facts of these names changed."""
    _listeners.append(listener)


def change(values):
    """The world changes: `values` are new facts."""
    facts.update(values)
    for listener in list(_listeners):
        listener(values)
