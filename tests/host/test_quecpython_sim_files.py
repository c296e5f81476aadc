# SPDX-License-Identifier: MIT
"""/usr is a small flash and nothing else is there; SecureData and settings outlive a restart; random bytes do not vary."""

import json
import subprocess
from pathlib import Path

import pytest
from host.quecpython_case import passes, play

from quell_host import runtime
from quell_host.quecpython_sim.facts import facts_of
from quell_host.quecpython_sim.run import MODULES, Ending


def test_files_of_usr_are_in_the_folder_and_those_of_the_host_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("host")
    source = f"""
    import uos
    assert sorted(uos.listdir('/')) == ['bak', 'usr']
    assert uos.getcwd() == '/' and uos.listdir('/usr') == []
    for path in ('{tmp_path}/secret', '/usr/../secret', '/usr/../../../../../../..{tmp_path}/secret', '/etc/passwd', 'secret'):
        try:
            open(path)
            assert False, path
        except OSError:
            pass
    uos.mkdir('/usr/a')
    with open('usr/a/b.txt', 'w') as file:
        assert file.write('one\\ntwo\\n') == 8
    with open('/usr/a/b.txt') as file:
        assert [line for line in file] == ['one\\n', 'two\\n']
    with open('/usr/a/b.txt', 'ab') as file:
        file.write(b'three')
    with open('/usr/a/b.txt', 'rb') as file:
        assert file.read() == b'one\\ntwo\\nthree' and uos.stat('/usr/a/b.txt')[6] == 13
    uos.rename('/usr/a/b.txt', '/usr/c')
    uos.chdir('/usr/a')
    assert uos.getcwd() == '/usr/a' and uos.listdir() == []
    assert sorted([entry[0] for entry in uos.ilistdir('/usr')]) == ['a', 'c']
    uos.rmdir('/usr/a')
    for wrong in (lambda: uos.remove('/usr/none'), lambda: open('/usr/c', 'x'), lambda: open('/bak/c', 'w'), lambda: uos.mkdir('/bak/d')):
        try:
            wrong()
            assert False
        except OSError:
            pass
    assert not hasattr(uos, 'sync')
    """
    passes(tmp_path, source, usr=tmp_path / "usr")
    assert (tmp_path / "usr/c").read_text() == "one\ntwo\nthree"
    passes(tmp_path, "assert open('/usr/c').read()[:3] == 'one'", usr=tmp_path / "usr")


def test_modules_are_imported_from_usr(tmp_path: Path) -> None:
    folder = tmp_path / "usr/lib"
    folder.mkdir(parents=True)
    (folder / "part.py").write_text("import utime\nVALUE = 7 + utime.time()\n")
    (tmp_path / "usr/json.py").write_text("OWN = 1\n")
    source = """
    import usys
    from usr.lib.part import VALUE
    usys.path.append('/usr')
    import json
    assert VALUE == 7 and json.OWN == 1
    """
    passes(tmp_path, source, usr=tmp_path / "usr")


def test_an_open_file_is_not_removed(tmp_path: Path) -> None:
    source = """
    import uos
    file = open('/usr/a', 'w')
    other = open('/usr/a')
    for step in (other.close, file.close):
        for wrong in (lambda: uos.remove('/usr/a'), lambda: uos.rename('/usr/a', '/usr/b')):
            try:
                wrong()
                assert False
            except OSError as error:
                assert error.args[0] == 16
        step()
    uos.remove('/usr/a')
    """
    passes(tmp_path, source)


def test_the_flash_is_small_and_counted_in_blocks(tmp_path: Path) -> None:
    source = """
    import uos
    total, free = uos.statvfs('/usr')[2:4]
    assert uos.statvfs('/usr')[:2] == (4096, 4096) and total == 16 and free == 14
    open('/usr/tiny', 'w').close()
    assert uos.statvfs('/usr')[3] == 13
    written = 0
    file = open('/usr/large', 'wb')
    try:
        while True:
            written += file.write(bytes(1000))
    except OSError as error:
        assert error.args[0] == 28
    file.close()
    assert written == 53000 and uos.statvfs('/usr')[3] == 0
    try:
        uos.mkdir('/usr/d')
        assert False
    except OSError:
        pass
    with open('/usr/large', 'w') as file:
        file.write('x')
    assert uos.statvfs('/usr')[3] == 12
    uos.remove('/usr/large')
    uos.mkdir('/usr/d')
    assert uos.statvfs('/usr')[3] == 11
    """
    passes(tmp_path, source, quec={"usr_kib": 64}, division=False)


def test_ql_fs(tmp_path: Path) -> None:
    source = """
    import ql_fs
    assert ql_fs.touch('/usr/a/b/c.json', {'x': 1}) == 0 and ql_fs.read_json('/usr/a/b/c.json') == {'x': 1}
    assert ql_fs.path_exists('/usr/a/b') is True and ql_fs.path_exists('/usr/x') is False and ql_fs.path_exists('') is False
    assert ql_fs.path_dirname('/usr/bin') == '/usr' and ql_fs.path_dirname('/usr') == '/' and ql_fs.path_dirname('usr') == ''
    assert ql_fs.path_getsize('/usr/a/b/c.json') == 8 and ql_fs.read_json('/usr/x') is None
    assert ql_fs.file_copy('/usr/copy', '/usr/a/b/c.json') is True and ql_fs.file_copy('/usr/copy', '/usr/x') is False
    try:
        ql_fs.path_getsize('/usr/x')
        assert False
    except ql_fs.FileNotFoundError as error:
        assert not isinstance(error, OSError)
    assert ql_fs.touch('/usr/copy', {'x': lambda: 0}) in (0, -1)
    with open('/usr/text', 'w') as file:
        file.write('no json')
    try:
        ql_fs.read_json('/usr/text')
        assert False
    except ValueError:
        pass
    ql_fs.rmdirs('/usr/a')
    assert not ql_fs.path_exists('/usr/a')
    """
    passes(tmp_path, source)


@pytest.mark.parametrize(("generation", "left"), [("g1", ""), ("g2", "before")])
def test_touch_of_a_full_flash_empties_the_file_in_g1(tmp_path: Path, generation: str, left: str) -> None:
    source = """
    import ql_fs
    class Bad:
        def __repr__(self):
            raise ValueError
    with open('/usr/a', 'w') as file:
        file.write('before')
    assert ql_fs.touch('/usr/a', {'x': Bad()}) == -1
    print(open('/usr/a').read(), end='')
    """
    assert passes(tmp_path, source, generation=generation).out == left


def test_secure_data_outlives_restarts_and_keeps_what_was_before(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    source = """
    import SecureData
    buffer = bytearray(20)
    assert SecureData.Read(1, buffer, 20) == -2
    assert SecureData.Store(1, '12345678', 8) == 0 and SecureData.Read(1, buffer, 20) == 8 and buffer[:8] == b'12345678'
    assert SecureData.Store(1, b'abc', 99) == 0 and SecureData.Read(1, buffer, 20) == 3
    assert SecureData.Store(8, bytes(52), 52) == 0 and SecureData.Store(8, bytes(53), 53) == -1 and SecureData.Store(16, bytes(1000), 1000) == 0
    assert SecureData.Store(9, bytes(100), 100) == 0 and SecureData.Store(13, bytes(501), 501) == -1 and SecureData.Store(1, b'', 0) == -1
    assert SecureData.Read(1, buffer, 2) == 2 and SecureData.Read(1, bytearray(1), 9) == 1 and SecureData.Read(1, b'xx', 2) == -1
    for wrong in (0, 17):
        try:
            SecureData.Read(wrong, buffer, 1)
            assert False
        except ValueError:
            pass
    """
    passes(tmp_path, source, state=state)
    torn = play(tmp_path, "import SecureData\nSecureData.Store(1, b'new', 3)", state=state, plan=[{"at": "SecureData.Store", "as": "torn"}])
    assert torn.code == Ending.POWER_CUT
    passes(tmp_path, "import SecureData\nb = bytearray(9)\nassert SecureData.Read(1, b, 9) == 3 and b[:3] == b'abc'", state=state)


def test_a_state_that_is_no_json_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("nonsense")
    assert "begins anew" in passes(tmp_path, "import SecureData\nassert SecureData.Read(1, bytearray(1), 1) == -2", state=tmp_path / "state.json").err


def test_random_bytes_are_the_same_at_each_start(tmp_path: Path) -> None:
    source = "import uos\ndata = uos.urandom(4000)\nassert {}\nprint(data[:16])"
    first = passes(tmp_path, source.format("max(data[3::4]) < 128 < max(data[2::4])".replace("data[3::4]", "[data[i] for i in range(3, 4000, 4)]").replace("data[2::4]", "[data[i] for i in range(2, 4000, 4)]"))).out
    assert passes(tmp_path, source.format("True")).out == first != passes(tmp_path, source.format("True"), generation="g2").out


def test_the_name_of_the_system(tmp_path: Path) -> None:
    source = """
    import uos
    name = uos.uname()
    assert isinstance(name, tuple) and len(name) == 6 and name[1].split('=')[1] == 'EC800K' and name[2] == 'release=1.13.0'
    assert uos.uname2().sysname == 'EC800K-X' and uos.uname2()[4] == 'EC800K with QUECTEL'
    """
    passes(tmp_path, source, description={"modem.model": "EC800K"}, quec={"uname": {"sysname": "EC800K-X"}})


@pytest.mark.parametrize("kind", ["VfsLfs1", "VfsLfs2"])
def test_a_real_littlefs_can_be_mounted_at_usr(tmp_path: Path, kind: str) -> None:
    script = f"""
import sys, uos
sys.path.insert(0, {str(MODULES)!r})
import ujson
from qpysim import boot
class Ram:
    def __init__(self): self.data = bytearray(64 * 4096)
    def readblocks(self, n, buf, off=0):
        for i in range(len(buf)): buf[i] = self.data[n * 4096 + off + i]
    def writeblocks(self, n, buf, off=0):
        for i in range(len(buf)): self.data[n * 4096 + off + i] = buf[i]
    def ioctl(self, op, arg):
        if op == 6: self.writeblocks(arg, b'\\xff' * 4096)
        return 64 if op == 4 else 4096 if op == 5 else 0
chip = Ram()
uos.{kind}.mkfs(chip)
job = ujson.load(open({str(tmp_path / "job.json")!r}))
boot.boot(job, uos.{kind}(chip))
boot.run("import ql_fs, uos\\nassert ql_fs.touch('/usr/a.json', [1]) == 0 and uos.statvfs('/usr')[2] == 64\\nprint(ql_fs.read_json('/usr/a.json'))", "/usr/x.py")
"""
    (tmp_path / "job.json").write_text(json.dumps({"facts": facts_of(None)}))
    program = str(runtime.quecpython_sim())
    done = subprocess.run([program, "-X", "heapsize=4M", "-c", script], capture_output=True, text=True, timeout=20)
    assert done.stdout == "[1]\n" and done.returncode == 0, done.stderr
