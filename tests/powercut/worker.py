# SPDX-License-Identifier: MIT
"""Runs shards of cases, on either interpreter. Reads a shard a line, `name depth first last step`; a case's id likewise.

With the argument `first` a shard ends at its first failure. Prints `FAIL <case> <why>` for each that fails and `DONE <cases> <failures>` after each line.
"""

import sys

import engine
from catalogue import SCENARIOS


def _attempt(scenario, cuts):
    """One case -> why it failed, or None."""
    try:
        scenario.case(cuts)
    except Exception as error:
        return type(error).__name__ + " " + str(error)
    return None


def _nested(scenario, first):
    """The second cuts after a first one."""
    for operation in range(0, engine.nested_count(scenario, first), scenario.nested_step):
        for mode in scenario.nested:
            yield [first, (operation, mode)]


def shard(scenario, depth, first, last, step):
    """Every case of a shard, lists of cuts: the first cut at operations first, first + step, … below last."""
    for operation in range(first, last, step):
        for mode in scenario.modes:
            if depth == 1:
                yield [(operation, mode)]
            else:
                for cuts in _nested(scenario, (operation, mode)):
                    yield cuts


def run(scenario, cases):
    """Run cases and tell."""
    done = failures = 0
    for cuts in cases:
        why = _attempt(scenario, cuts)
        done += 1
        if why is not None:
            failures += 1
            print("FAIL", engine.case_id(scenario, cuts), why)
            if "first" in sys.argv:
                break
    print("DONE", done, failures)


def main():
    """Answer each line of stdin."""
    for line in sys.stdin:
        words = line.split()
        if words and words[0] == "COUNT":
            print("COUNT", engine.count(SCENARIOS[words[1]]))
        elif len(words) == 5:
            scenario = SCENARIOS[words[0]]
            depth, first, last, step = [int(word) for word in words[1:]]
            try:
                last = min(last, engine.count(scenario))  # behind it there is nothing to cut
            except Exception as error:
                print("FAIL", scenario.name, "without a cut:", type(error).__name__, error)
                print("DONE", 1, 1)
                continue
            run(scenario, shard(scenario, depth, first, last, step))
        elif words:
            scenario, cuts = engine.parse(words[0], SCENARIOS)
            run(scenario, [cuts])


if __name__ == "__main__":
    main()
