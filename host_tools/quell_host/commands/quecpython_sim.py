# SPDX-License-Identifier: MIT
"""`quell quecpython-sim`: run a QuecPython script on this machine, against imitations of QuecPython's own modules."""

from pathlib import Path
from typing import Annotated

import typer

from quell_host.errors import ExitCode, QuellError

HELP = """Run a QuecPython script without a module.

MicroPython with the features of QuecPython, imitations of its modules that fail as the documents say, a file system
in a folder, simulated time. MQTT and sockets are real. Exit codes: the script's own, 1 for an exception; 70 watchdog,
71 restart, 72 power down, 73 power cut, 74 every thread waits for ever, 134 big-integer division.

Example: quell quecpython-sim main.py --device device.json --usr flash --faults plan.json"""


def quecpython_sim(
    script: Annotated[Path, typer.Argument(help="The script; it runs as /usr/NAME", metavar="SCRIPT.py")],
    device: Annotated[
        Path | None, typer.Option("--device", help='JSON: the device, as for preview, and "quecpython"')
    ] = None,
    generation: Annotated[
        str | None, typer.Option("--generation", help="g1: shipping QuecPython; g2: UniRTOS [default: the device's]")
    ] = None,
    usr: Annotated[Path | None, typer.Option("--usr", help="Folder that is /usr [default: an empty one]")] = None,
    state: Annotated[
        Path | None, typer.Option("--state", help="File for SecureData and settings [default: forgotten at the end]")
    ] = None,
    faults: Annotated[
        Path | None, typer.Option("--faults", help="JSON: which call fails how, and what changes")
    ] = None,
    no_division: Annotated[
        bool, typer.Option("--no-division", help="Abort where big integers are divided: 1.13 does it wrongly")
    ] = False,
    real_time: Annotated[bool, typer.Option("--real-time", help="Sleep as long as the script says")] = False,
    seconds: Annotated[
        int | None, typer.Option("--seconds", min=1, max=86_400_000, help="End after this time, by the module's clock")
    ] = None,
    restarts: Annotated[
        int, typer.Option("--restarts", min=0, help="Start again after so many restarts and watchdogs")
    ] = 0,
    heap_kib: Annotated[
        int, typer.Option("--heap-kib", min=128, help="Python's heap; objects are twice those of a module")
    ] = 1024,
) -> int:
    from quell_host.preview.description import read_description
    from quell_host.quecpython_sim.facts import GENERATIONS, facts_of
    from quell_host.quecpython_sim.plan import Plan, checked_plan, read_plan
    from quell_host.quecpython_sim.run import Job, run

    if generation not in (None, *GENERATIONS):
        what = f"--generation {generation!r} is unknown"
        raise QuellError(what, f"write {' or '.join(GENERATIONS)}", ExitCode.USAGE)
    description = read_description(device) if device else None
    plan = Plan()
    if description and "faults" in description.quecpython:
        try:
            plan = checked_plan(description.quecpython["faults"])
        except ValueError as error:
            what = f'{device}: "quecpython.faults": {error}'
            raise QuellError(what, "correct the entry", ExitCode.USAGE) from None
    job = Job(
        script=script,
        facts=facts_of(description, generation),
        plan=plan + read_plan(faults) if faults else plan,
        usr=usr,
        state=state,
        division=not no_division,
        real_time=real_time,
        seconds=seconds,
        restarts=restarts,
        heap_kib=heap_kib,
    )
    return run(job)
