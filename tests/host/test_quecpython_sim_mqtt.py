# SPDX-License-Identifier: MIT
"""`umqtt` talks to a real broker and answers as QuecPython's two versions do: ValueError, None, and endless reconnection."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.certificates import Authority
from host.quecpython_case import passes

from quell_host.demo.servers import Broker, free_port, running_broker


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with running_broker(tmp_path_factory.mktemp("broker")) as broker:
        yield broker.port


START = """
import _thread, utime, quecpython_sim as control
from umqtt import MQTTClient
got = []
def client(name='me', callback=lambda topic, msg: got.append((topic, msg)), port=PORT, **more):
    made = MQTTClient(name, '127.0.0.1', port, **more)
    made.set_callback(callback)
    return made
def reader(of):
    def read():
        while running:
            of.wait_msg()
    _thread.start_new_thread(read, ())
running = True
def fails(call, error):
    try:
        call()
    except error as caught:
        return str(caught)
    assert False
"""


def talk(folder: Path, port: int, body: str, **more) -> str:
    """Run a script after START -> what came on stderr."""
    return passes(folder, START.replace("PORT", str(port)) + body, **more).err


def test_publish_of_2021_says_nothing_and_waits_for_another_reader(tmp_path: Path, port: int) -> None:
    body = """
c = client()
assert c.connect() == 0 and c.get_mqttsta() == 0 and c.subscribe('a/b', 1) is None
assert c.publish(b'a/b', 'zero') is None and c.publish('a/b', b'one', False, 0) is None
assert c.wait_msg() is None and c.wait_msg() is None and got == [(b'a/b', b'zero'), (b'a/b', b'one')]
began = utime.ticks_ms()
assert c.publish('x', 'alone', qos=1) is None and utime.ticks_diff(utime.ticks_ms(), began) >= 5000
reader(c)
began = utime.ticks_ms()
assert c.publish('a/b', 'two', qos=1) is None and utime.ticks_diff(utime.ticks_ms(), began) < 5000
assert c.publish('a/b', 'never', qos=2) is None
utime.sleep_ms(200)
assert got[-1] == (b'a/b', b'two') and not hasattr(c, 'unsubscribe')
running = False
assert c.disconnect() is None and c.get_mqttsta() == -1
"""
    err = talk(tmp_path, port, body)
    assert err.count("publish QOS1 message was not received correctly") == 1


def test_publish_of_2026_says_true_or_false_and_reads_by_itself(tmp_path: Path, port: int) -> None:
    body = """
c = client('newer', keepalive=0)
assert MQTTClient('x', 'h').keepalive == 60 and c.connect() == 0
c.subscribe('n/b', 1)
assert c.publish('n/b', 'zero') is True and c.publish('n/b', 'one', qos=1) is True and c.publish('n/b', 'two', qos=2) is False
assert (b'n/b', b'zero') in got  # it came before the acknowledgement
c.unsubscribe('n/b')
c.sock.close()
assert c.publish('n/b', 'gone') is False and c.publish('n/b', 'gone', qos=1) is False
"""
    talk(tmp_path, port, body, quec={"umqtt": "2026"})


def test_every_failure_to_connect_is_a_value_error(tmp_path: Path, port: int) -> None:
    body = f"""
assert 'keepalive' in fails(lambda: client(keepalive=4), ValueError)
assert '111' in fails(client(port={free_port()}).connect, ValueError)
assert 'DNS' in fails(MQTTClient('me', 'no.such.host.invalid').connect, ValueError)
control.change({{'registration': 0}})
assert 'DNS' in fails(client().connect, ValueError)
control.change({{'registration': 1}})
assert client().connect() == 0
assert 'Subscribe callback' in fails(lambda: MQTTClient('a', 'b').subscribe('x'), AssertionError)
"""
    talk(tmp_path, port, body)


def test_check_msg_takes_silence_for_a_lost_network(tmp_path: Path, port: int) -> None:
    body = """
c = client(reconn=False)
c.connect()
assert 'EAGAIN' in fails(c.check_msg, OSError)
"""
    talk(tmp_path, port, body)
    body = "c = client(reconn=False)\nc.connect()\nassert c.check_msg() is None"
    talk(tmp_path, port, body, quec={"check_msg": "quiet"})


def test_an_exception_of_the_callback_is_a_lost_network_in_2021_and_nothing_in_2026(tmp_path: Path, port: int) -> None:
    body = """
def bad(topic, msg):
    raise KeyError('mine')
c = client('cb', bad, reconn=False, keepalive=0)
c.connect()
c.subscribe('cb/x')
c.publish('cb/x', 'one')
"""
    talk(tmp_path, port, body + "fails(c.wait_msg, KeyError)")
    assert "callback failed" in talk(tmp_path, port, body + "c.wait_msg()", quec={"umqtt": "2026"})


def test_the_keep_alive_takes_a_thread_and_there_may_be_none(tmp_path: Path, port: int) -> None:
    body = """
for _ in range(15):
    _thread.start_new_thread(utime.sleep, (100,))
c = client('k', keepalive=10)
assert "can't create thread" in fails(c.connect, OSError) and c.get_mqttsta() == 0
utime.sleep(200)
d = client('k2', keepalive=10)
d.connect()
reader(d)
utime.sleep_ms(1)
control.advance(60000)
assert d.publish('k', 'still there', qos=1) is None and d.get_mqttsta() == 0
running = False
d.disconnect()
"""
    talk(tmp_path, port, body)


class Breaker(threading.Thread):
    """Kills the broker when the script makes a file in /usr, and starts it again when it removes it."""

    def __init__(self, broker: Broker, usr: Path) -> None:
        super().__init__(daemon=True)
        self.broker, self.sign, self.done = broker, usr / "down", threading.Event()
        self.start()

    def run(self) -> None:
        while not self.done.wait(0.01):
            if self.sign.exists() == self.broker.running():
                (self.broker.kill if self.sign.exists() else self.broker.start)()
                (self.sign.parent / "changed").touch()


CHANGE = """
import uos, usocket
def change(down):
    open('/usr/down', 'w').close() if down else uos.remove('/usr/down')
    while 'changed' not in uos.listdir('/usr'):
        utime.sleep_ms(5)
    uos.remove('/usr/changed')
"""


@pytest.fixture
def breakable(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "usr").mkdir()
    with running_broker(tmp_path / "broker") as broker:
        breaker = Breaker(broker, tmp_path / "usr")
        yield broker.port
        breaker.done.set()
        breaker.join()


def test_a_broker_that_is_gone_is_silence_in_2021_and_an_error_in_2026(tmp_path: Path, breakable: int) -> None:
    body = CHANGE + "c = client(reconn=False, keepalive=0)\nc.connect()\nchange(True)\n"
    old = "assert c.wait_msg() is None and c.wait_msg() is None and c.get_mqttsta() == 2 and c.publish('x', 'y') is None\nchange(False)"
    talk(tmp_path, breakable, body + old, usr=tmp_path / "usr", real_time=True)
    new = "fails(c.wait_msg, OSError)\nassert c.get_mqttsta() == 2"
    talk(tmp_path, breakable, body + new, usr=tmp_path / "usr", real_time=True, quec={"umqtt": "2026"})


def test_wait_msg_connects_again_without_end_and_subscribes_again(tmp_path: Path, breakable: int) -> None:
    body = CHANGE + """
c, told = client('back'), []
c.error_register_cb(told.append)
c.connect()
c.subscribe('r/1', 0)
c.subscribe('r/2', 1)
control.change({'registration': 0})
def network():
    utime.sleep(60)
    control.change({'registration': 1})
_thread.start_new_thread(network, ())
def other():
    while 'reconnect_success' not in told:
        utime.sleep(1)
    o = client('other', port=c.port)
    o.connect()
    o.publish('r/1', 'again')
    o.disconnect()
_thread.start_new_thread(other, ())
while not got:
    c.wait_msg()
assert told == ['reconnect_start', 'reconnect_success'] and got == [(b'r/1', b'again')] and utime.time() >= 60
"""
    began = time.monotonic()
    err = talk(tmp_path, breakable, body, usr=tmp_path / "usr")
    assert "Wait for reconnection" in err and time.monotonic() - began < 20


def test_tls_believes_any_server(tmp_path: Path) -> None:
    wrong = Authority(tmp_path / "ca", "nobody's CA").server("another.example")
    with running_broker(tmp_path / "broker", tls=wrong) as broker:
        body = """
c = client('tls', ssl=True, ssl_params={'server_hostname': 'broker.example'})
assert c.connect() == 0 and c.ssl_params == {'server_hostname': 'broker.example'}
c.subscribe('t/x')
c.publish('t/x', 'sealed')
c.wait_msg()
assert got == [(b't/x', b'sealed')]
import ussl, usocket
raw = usocket.socket()
raw.connect(usocket.getaddrinfo('127.0.0.1', PORT)[0][-1])
stream = ussl.wrap_socket(raw, server_hostname='x')
assert isinstance(stream.getpeercert(True), bytes)
try:
    ussl.wrap_socket(raw, ca='x')
    assert False
except TypeError:
    pass
""".replace("PORT", str(broker.port))
        talk(tmp_path, broker.port, body)
        body = "fails(client(ssl=True, ssl_params={'server_hostname': 'x'}).connect, ValueError)\nassert client(ssl=True, keepalive=0).connect() == 0"
        talk(tmp_path, broker.port, body, quec={"umqtt": "2026"})
