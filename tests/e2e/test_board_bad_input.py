# SPDX-License-Identifier: MIT
"""Bad input on the emulated board: a word that says what is wrong, a count, an agent that goes on, and the end of the trouble."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e.board_deployment import BoardDeployment
from e2e.deployment import deploying
from host.board_case import checkout

from quell_host import cli, runtime
from quell_host.emulator import Emulator
from quell_host.errors import ExitCode

pytestmark = pytest.mark.timeout(240)
IN_1980, IN_2099 = 315964800, 4070908800
CHIP_ID, OTHER_ID = b"\xbf\x25\x41", b"\xbf\x25\x8d"  # the SST25VF016B that it has, another of the family
NO_CHIP = "no flash chip, or another one than the SST25VF016B"
WRONG = {"modem.imei": "49015420323751X", "modem.iccid": "", "modem.mcc": 1120, "modem.mnc": 0, "time.now": IN_1980}
RIGHT = {"imei": "490154203237518", "iccid": "8988211000000000014"}
_TAKEN = re.compile(rb"app (?:durable|buffered) (\d+)")


class BadBoard(BoardDeployment):
    """A board whose modem the test changes while it runs."""

    def modem(self, **changes: Any) -> None:
        """`--control` of `quell modem-sim`."""
        assert self.modem_process.stdin is not None
        self.modem_process.stdin.write(json.dumps(changes).encode() + b"\n")
        self.modem_process.stdin.flush()

    def says(self, text: str) -> None:
        """Wait until the console says so, in this boot."""
        self.wait(f"the console to say {text!r}", lambda: self.said_since_start(text))

    def taken(self) -> list[int]:
        """Numbers of the application's records that the agent took, into flash or RAM."""
        return [int(number) for number in _TAKEN.findall(bytes(self.emulator.console))]

    def goes_on(self) -> None:
        """The application's records are taken now."""
        count = len(self.taken())
        self.wait("records", lambda: len(self.taken()) >= count + 10)

    def recovers(self) -> None:
        """What was taken until now, and is newest, comes to the receiver, with all that was called durable before."""
        newest, generation = self.taken()[-1], self.consent_of()[1]
        self.wait("the records of the bad time", lambda: (self.numbers() or [0])[-1] >= newest)
        numbers = self.numbers()
        assert numbers == sorted(set(numbers))
        assert {number for number, of in self.durable_of() if of == generation and number <= newest} <= set(numbers)

    def info(self) -> str:
        """`quell device info`; the board is left at its REPL."""
        self.emulator.quiet()
        return self.quell("device", "info", "--port", self.emulator.pty, "--stay")

    def care(self) -> list[dict[str, Any]]:
        """Fields of the records of `care` that the receiver holds."""
        return [json.loads(row[0]) for row in self.rows("select fields from v_records where purpose = 'care' order by seq")]

    def stop_receiver(self) -> None:
        """Nothing that is sent is acknowledged from now on."""
        self.receiver.send_signal(signal.SIGINT)
        self.receiver.wait(30)
        self.forget(self.receiver)


Deploy = Callable[..., BadBoard]


@pytest.fixture
def board(made: Path, tmp_path: Path) -> Iterator[Deploy]:
    """`board(**options)` starts a BadBoard; it ends with the test."""
    yield from deploying(made, tmp_path, BadBoard, identity=WRONG)


def clock_in_1980(lab: BadBoard) -> None:
    """TLS fails for it, and the agent says why."""
    lab.says("quell link failed 1 broker: network; the modem's clock is wrong")
    lab.modem(time=int(time.time()))
    lab.with_policy().granted()


def identity_and_sector(lab: BadBoard) -> None:
    """An IMEI with letters and no ICCID are left out, 1120 is 460; a sector of the ring does not take its header."""
    lab.wait("a record about the network", lambda: [fields for fields in lab.care() if "country" in fields])
    for fields in lab.care():
        assert fields.get("country", 460) == 460 and "imei" not in fields and "iccid" not in fields
    for words in ("app wears out sector", "bad-value", "source-absent", "sector-retired"):
        lab.says(words)
    lab.recovers()


def garbage(lab: BadBoard) -> None:
    """It comes without end; the modem is reset from outside, since it hears nothing."""
    lab.modem(faults=[{"at": "*", "do": "garbage-forever", "bytes": 512, "ms": 20}])
    lab.says("quell link down: garbage")
    lab.goes_on()
    lab.modem(faults=[], reset=True)
    lab.recovers()


def sim_then_clock_in_2099(lab: BadBoard) -> None:
    """The SIM is pulled, is locked when it is back, and when that is over the clock is wrong."""
    lab.modem(sim="absent")
    lab.says("quell link down: no SIM")
    lab.goes_on()
    lab.modem(sim="pin")
    lab.says("quell link down: SIM locked")
    lab.modem(sim="ready", time=IN_2099)
    lab.wait("the clock to be named again", lambda: lab.emulator.console.count(b"the modem's clock is wrong") >= 2)
    lab.goes_on()
    lab.modem(time=int(time.time()))
    lab.recovers()


def told_by_info(lab: BadBoard) -> None:
    """What stands in the way, how often something failed, and that consent was kept."""
    lab.modem(sim="pin")
    lab.wait("the SIM to be named again", lambda: lab.emulator.console.count(b"quell link down: SIM locked") >= 2)
    words = lab.info()
    assert re.search(r"^! link   no broker after [0-9]+ attempts: SIM locked$", words, re.M)
    assert re.search(r"^ +[0-9]+  link-failed$", words, re.M)
    assert re.search(r"^usage  collects, ConsentGiven$", words, re.M)


def test_whatever_modem_sim_and_a_worn_sector_do_has_a_word_and_a_count_and_the_agent_goes_on(board: Deploy) -> None:
    lab = board(tls=True, policy="bad_input_policy.toml", app="worn_app.py")
    clock_in_1980(lab)
    identity_and_sector(lab)
    lab.modem(**RIGHT)
    garbage(lab)
    sim_then_clock_in_2099(lab)
    lab.wait("both identifiers", lambda: [fields for fields in lab.care() if "imei" in fields and "iccid" in fields])
    told_by_info(lab)


def test_on_a_full_littlefs_it_counts_goes_on_and_obeys_its_withdrawal(board: Deploy) -> None:
    lab = board(store="littlefs2", app="full_app.py").with_policy().granted()
    lab.says("app full: ")
    lab.stop_receiver()  # what is not acknowledged needs a segment
    lab.says("app buffered ")
    lab.start_receiver()
    lab.recovers()
    lab.kill_agent()
    lab.start_agent()  # it boots without a free block
    lab.says("flash-failed")
    lab.says("quell link answered")
    lab.goes_on()
    lab.consent("withdraw", ok=(0, 1, 6))  # `restricted` at first: nothing displaces old copies of the key
    lab.says("app made room")  # when the erasure is done
    receipt = lab.withdrawal()
    assert (lab.stored("usage"), receipt["outcome"], receipt["erase_level"]) == (0, "done", "logical")
    lab.granted()
    lab.goes_on()
    lab.recovers()


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Callable[..., Emulator]]:
    """`emulator(**options)` is a running board, without a modem; it ends with the test."""
    started: list[Emulator] = []

    def start(**options: Any) -> Emulator:
        one = Emulator(tmp_path / "nor.img", None, **options)
        started.append(one)
        one.start()
        return one

    yield start
    for one in started:
        one.kill()


def quell(capsys: pytest.CaptureFixture[str], *words: str, code: ExitCode = ExitCode.OK) -> tuple[str, str]:
    """`quell WORDS` -> stdout, stderr."""
    found = cli.main(list(words))
    out, err = capsys.readouterr()
    assert found == code, err
    return out, err


def test_a_board_with_another_flash_chip_comes_to_its_repl_and_says_so(
    emulator: Callable[..., Emulator], made: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("QUELL_HOME", str(shutil.copytree(made / "home", tmp_path / "home")))
    image = runtime.board_firmware("QEMU_SABRELITE").read_bytes()
    assert image.count(CHIP_ID) == 1  # QEMU has no other chip for this board: the firmware wants another one
    (tmp_path / "other.elf").write_bytes(image.replace(CHIP_ID, OTHER_ID))
    there = emulator(firmware=tmp_path / "other.elf")
    there.listen()
    end_s = time.monotonic() + 30
    while b">>> " not in there.console and time.monotonic() < end_s:
        time.sleep(0.05)
    there.quiet()
    said = there.console.decode().splitlines()
    assert said[:2] == [f"quell boot {NO_CHIP}", f"quell boot failed {NO_CHIP}"] and said[-1] == ">>> "
    words = ("--region", "eu", "--operator", "operator", "--policy-key", "publisher")
    for command in (("device", "info"), ("provision", *words)):
        out, err = quell(capsys, *command, "--port", there.pty, code=ExitCode.FAILED)
        assert out == "" and err == f"error: the board refuses: FlashError: {NO_CHIP}\n"


def test_a_board_that_goes_away_while_it_is_flashed_is_one_line_and_the_next_time_goes_on(
    emulator: Callable[..., Emulator], tmp_path: Path, capsys
) -> None:
    firmware = checkout(tmp_path / "one")
    listed = json.loads((firmware / "package.json").read_text())
    for n in range(6):
        (firmware / f"quell/part{n}.py").write_text(f"# part {n} of the agent\n" * 60)
        listed["urls"].append([f"quell/part{n}.py"] * 2)
    (firmware / "package.json").write_text(json.dumps(listed))
    there = emulator()
    (tmp_path / "bare.py").write_text('raise ImportError("no quell_board")\n')  # instead of the one in the firmware
    command = [str(Path(sys.executable).with_name("mpremote")), "connect", there.pty, "resume"]
    command += ["fs", "cp", str(tmp_path / "bare.py"), ":/usr/quell_board.py"]
    subprocess.run(command, check=True, timeout=60, capture_output=True)
    there.kill()
    there.start()
    words = ("flash", "--board", "FAKE", "--from", str(firmware), "--force", "--json", "--port")
    command = [sys.executable, "-m", "quell_host.cli", *words, there.pty]
    copying = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while b"# part 3 of" not in there.image.read_bytes():
        assert copying.poll() is None
        time.sleep(0.02)
    there.kill()
    out, err = copying.communicate(timeout=60)
    assert (copying.returncode, out) == (ExitCode.UNREACHABLE, "")
    assert err.count("\n") == 1 and "closed, or its board stopped answering" in err
    there.start()
    shape = json.loads(quell(capsys, *words, there.pty)[0])
    assert shape["state"] == "installed" and 0 < shape["copied"] <= shape["files"] - 3
