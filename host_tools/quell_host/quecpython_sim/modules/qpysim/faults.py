# SPDX-License-Identifier: MIT
"""The plan of faults: the n-th call of a documented function fails as the plan says."""

from qpysim import clock, ending, threads

CALL_US = 100

errors = {
    "AssertionError": AssertionError,
    "MemoryError": MemoryError,
    "OSError": OSError,
    "RuntimeError": RuntimeError,
    "TypeError": TypeError,
    "ValueError": ValueError,
}  # a fake with a class of its own adds it

torn = {}  # name -> what half of that call does, given its arguments: the power goes in the middle of it

_plan = {}  # name -> [entry]
_calls = {}  # name -> how often


def load(entries):
    """Take the plan: the host has checked it, and made of each fault what is to be done. Calls count from now on."""
    _calls.clear()
    for entry in entries:
        entry["seen"] = 0
        _plan.setdefault(entry["at"], []).append(entry)


def calls(name):
    """How often a function was called, under its full name, such as "net.getState"."""
    return _calls.get(name, 0)


def faulty(name):
    """Decorator of every documented function: counts the call, then does it, or what the plan has for it."""

    def decorate(function):
        def called(*args, **kwargs):
            threads.check()
            clock.spend(CALL_US)
            _calls[name] = _calls.get(name, 0) + 1
            entry = _turn(name)
            if entry is None:
                return function(*args, **kwargs)
            return _fail(name, entry, function, args, kwargs)

        return called

    return decorate


def _turn(name):
    """The entry whose turn it is: the first one, but each counts the call."""
    found = None
    for entry in _plan.get(name, ()):
        entry["seen"] += 1
        turn = entry["seen"] == entry["nth"] if "nth" in entry else entry["seen"] % entry.get("every", 1) == 0
        if turn and found is None:
            found = entry
    return found


def _fail(name, entry, function, args, kwargs):
    kind = entry["do"]
    if kind == "return":
        return value_of(entry["value"])
    if kind == "raise":
        error = errors[entry["error"]]
        raise error(entry["argument"]) if "argument" in entry else error()
    if kind == "block":
        clock.sleep_ms(entry["ms"])
    elif kind == "hang":
        clock.wait(lambda: False)
    elif kind == "torn":
        torn[name](*args, **kwargs)
        ending.end(ending.POWER_CUT, "the power is cut in the middle of " + name)
    elif kind == "cut":
        ending.end(ending.POWER_CUT, "the power is cut in " + name)
    result = function(*args, **kwargs)
    if kind == "cut-after":
        ending.end(ending.POWER_CUT, "the power is cut after " + name)
    return result


def value_of(shaped):
    """A value from the JSON of a plan: {"tuple": […]} and {"bytes": text} are what JSON has not."""
    if isinstance(shaped, dict) and len(shaped) == 1:
        if "tuple" in shaped:
            return tuple([value_of(item) for item in shaped["tuple"]])
        if "bytes" in shaped:
            return shaped["bytes"].encode()
    if isinstance(shaped, list):
        return [value_of(item) for item in shaped]
    return shaped
