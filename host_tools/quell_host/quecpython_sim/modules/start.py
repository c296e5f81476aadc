# SPDX-License-Identifier: MIT
"""`micropython start.py JOB.json`: boot a simulated module and run a script on it. The host's side: run.py."""

import sys

import ujson
from qpysim import boot, clock, ending, threads


def main(path):
    """-> the exit code of the process."""
    with open(path) as file:
        job = ujson.load(file)
    with open(job["script"]) as file:
        source = file.read()
    boot.boot(job)
    try:
        boot.run(source, job["name"])
    except threads.Stopped:
        return 0
    except KeyboardInterrupt:
        return 130
    except SystemExit as error:
        code = error.args[0] if error.args else 0
        return code if isinstance(code, int) else 1
    except Exception as error:
        sys.print_exception(error, sys.stderr)
        return 1
    # A module goes on while its threads do, and so do timers.
    try:
        clock.wait(_alone)
    except KeyboardInterrupt:
        return 130
    return 0


def _alone():
    return threads.live() == 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        ending.tell("usage: micropython start.py JOB.json")
        sys.exit(2)
    sys.exit(main(sys.argv[1]))
