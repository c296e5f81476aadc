# SPDX-License-Identifier: MIT
"""Switch a simulated module on: `boot(job)`, and what QuecPython does before the script begins.

A job is what `quell quecpython-sim` writes: {"facts", "faults", "changes", "real_time", "seconds", "usr", "bak",
"state", "lib"}.
`boot(job, usr)` mounts a file system of yours at /usr instead of the folder, such as VfsLfs1 on a simulated chip.
"""

import builtins
import sys

import qpysim
from qpysim import clock, ending, faults, files, imports, network, rtc, threads, world
from vfs import VfsPosix, mount, umount

_BAK_KIB = 64

host = VfsPosix()  # the host's files, for the simulator alone


def boot(job, usr=None):
    """Afterwards only /usr and /bak are there, and `import` finds what a module has."""
    modules = __file__.rsplit("/", 2)[0]
    world.load(job, host.open)
    threads.adopt_main()
    clock.start(job.get("real_time", False))
    umount("/")
    mount(VfsPosix(modules), "/.modules")
    qpysim.__path__ = "/.modules/qpysim"
    if job.get("lib"):
        mount(VfsPosix(job["lib"]), "/.lib")
    mount(usr or files.FolderFs(host, job["usr"], world.facts["usr_kib"]), "/usr")
    if job.get("bak"):
        mount(files.FolderFs(host, job["bak"], _BAK_KIB, True), "/bak")
    # A module has [""] alone; what follows is the simulator's.
    sys.path[:] = ["", "/.modules", "/.lib"]
    rtc.start()
    network.boot()
    for change in job.get("changes", []):
        _plan(change)
    if job.get("seconds"):
        clock.at(job["seconds"] * 1000, _time_is_up, True)
    imports.install()
    faults.load(job.get("faults", []))


def _time_is_up():
    ending.end(0, "the time given to it is over")


def _plan(change):
    clock.at(change["after_ms"], lambda: world.change(change["values"]), True)


def run(source, path):
    """Run a script as `example.exec` does. What it raises goes to the caller."""
    scope = {"__name__": "__main__", "__file__": path, "__builtins__": builtins}
    exec(compile(source, path, "exec"), scope)
