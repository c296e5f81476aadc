# SPDX-License-Identifier: MIT
"""Simulated time passes when all threads wait; clocks, timers, threads and the watchdog misbehave as on a module."""

import time
from pathlib import Path

import pytest
from host.quecpython_case import passes, play

from quell_host.quecpython_sim.run import MODULES, Ending


def test_clocks_that_do_not_fit_together(tmp_path: Path) -> None:
    source = """
    import utime
    from machine import RTC
    assert utime.time() == 0 and utime.localtime()[:5] == (2026, 5, 28, 20, 26) and utime.localtime()[6:] == (3, 148)
    utime.sleep(3)
    assert utime.time() == 3
    date = (2020, 9, 29, 8, 54, 42, 1, 273)
    assert utime.mktime(date) == 1601340882 and utime.localtime(646898736) == (2020, 7, 1, 6, 5, 36, 2, 183)
    assert utime.localtime(0) == (2000, 1, 1, 0, 0, 0, 5, 1) and utime.localtime(951782400 - 946684800)[:3] == (2000, 2, 29)
    assert utime.getTimeZone() == 0 and utime.setTimeZone(8) == 0 and utime.localtime()[:4] == (2026, 5, 29, 4)
    for wrong in (lambda: utime.setTimeZone(13), lambda: utime.mktime((1, 2))):
        try:
            wrong()
            assert False
        except (ValueError, TypeError):
            pass
    rtc = RTC()
    assert rtc.datetime([2020, 3, 12, 1, 12, 12, 12, 0]) == 0 and rtc.datetime() == (2020, 3, 12, 4, 12, 12, 12, 0)
    assert rtc.datetime([2020, 13, 12, 1, 12, 12, 12, 0]) == -1 and utime.localtime()[:6] == (2020, 3, 12, 12, 12, 12)
    utime.sleep(86400)
    assert rtc.datetime()[:4] == (2020, 3, 13, 5) and utime.time() == 86403
    """
    passes(tmp_path, source, description={"time.now": 1780000000}, division=False)
    source = "import utime\ndate = (2020, 9, 29, 8, 54, 42, 1, 273)\nassert utime.localtime(utime.mktime(date)) == date"
    passes(tmp_path, source, quec={"localtime": 1970}, division=False)
    passes(tmp_path, "import utime\nassert utime.localtime()[:3] == (2000, 1, 1)", quec={"clock_set": False})


def test_an_alarm_comes_where_the_model_has_one(tmp_path: Path) -> None:
    source = """
    import utime
    from machine import RTC
    rtc, heard = RTC(), []
    when = list(rtc.datetime())
    when[6] += 30 if when[6] < 30 else -30
    when[5] += 0 if when[6] >= 30 else 1
    rtc.register_callback(lambda args: heard.append(utime.time()))
    set_alarm = rtc.set_alarm(tuple(when))
    assert rtc.enable_alarm(1) == 0 and rtc.enable_alarm(2) == -1
    utime.sleep(60)
    """
    passes(tmp_path, source + "\n    assert set_alarm == 0 and heard == [30], heard", description={"time.now": 1780000000})
    passes(tmp_path, source + "\n    assert set_alarm == -1 and heard == []", description={"modem.model": "EC600E", "time.now": 1780000000})


def test_ticks_wrap_and_a_loop_that_waits_for_them_ends(tmp_path: Path) -> None:
    source = """
    import utime
    began = utime.ticks_ms()
    assert began >= 0x3FFFFF00
    while utime.ticks_diff(utime.ticks_ms(), began) < 1000:
        pass
    assert utime.ticks_ms() < 1000 and utime.ticks_diff(utime.ticks_ms(), began) < 1010
    assert utime.ticks_add(0x3FFFFFFF, 1) == 0 and utime.ticks_diff(0, 0x3FFFFFFF) == 1 and utime.ticks_us() < 0x40000000
    began = utime.ticks_us()
    utime.sleep_us(2500)
    assert 2500 <= utime.ticks_diff(utime.ticks_us(), began) < 3500
    """
    passes(tmp_path, source, quec={"ticks_start": 0x3FFFFF00})


def test_threads_sleep_in_simulated_time(tmp_path: Path) -> None:
    source = """
    import _thread, utime
    seen = []
    def sleeper(every):
        for _ in range(3):
            utime.sleep(every)
            seen.append((utime.time(), every))
    for every in (100, 200):
        _thread.start_new_thread(sleeper, (every,))
    utime.sleep(1000)
    assert sorted(seen) == [(100, 100), (200, 100), (200, 200), (300, 100), (400, 200), (600, 200)], seen
    """
    began = time.monotonic()
    passes(tmp_path, source)
    assert time.monotonic() - began < 20


def test_locks_semaphores_and_deadlock(tmp_path: Path) -> None:
    source = """
    import _thread, utime
    lock, order = _thread.allocate_lock(), []
    def holder():
        with lock:
            utime.sleep(5)
            order.append('released')
    _thread.start_new_thread(holder, ())
    utime.sleep_ms(100)
    assert lock.locked() and lock.acquire(0) is False
    assert lock.acquire() is True and order == ['released'] and utime.time() == 5
    lock.release()
    for wrong, error in ((lock.release, RuntimeError), (lambda: _thread.delete_lock(3), TypeError)):
        try:
            wrong()
            assert False
        except error:
            pass
    assert _thread.delete_lock(lock) is None
    try:
        lock.acquire()
        assert False
    except OSError:
        pass
    semphore = _thread.allocate_semphore(2)
    assert semphore.acquire() and semphore.acquire() and semphore.getCnt() == (2, 0)
    semphore.release()
    assert semphore.getCnt() == (2, 1) and _thread.delete_semphore(semphore) is None
    other = _thread.allocate_lock()
    other.acquire()
    other.acquire()
    """
    result = play(tmp_path, source)
    assert result.code == Ending.STUCK and "waits for ever" in result.err, result.err


def test_sixteen_threads_and_no_more(tmp_path: Path) -> None:
    source = """
    import _thread, utime
    assert _thread.stack_size() == 8448 and _thread.stack_size(4096) == -1 and _thread.stack_size(16384) == 0 and _thread.stack_size() == 16384
    assert _thread.get_heap_size() == 2199424
    started = []
    try:
        while True:
            started.append(_thread.start_new_thread(utime.sleep, (100,)))
    except OSError as error:
        assert "can't create thread" in str(error)
    assert len(started) == 15 and _thread.get_ident() not in started
    assert _thread.stop_thread(started[0]) == 0 and not _thread.threadIsRunning(started[0]) and _thread.threadIsRunning(started[1])
    started.append(_thread.start_new_thread(utime.sleep, (1,)))
    for wrong in (lambda: _thread.stop_thread(started[0]), lambda: _thread.stop_thread(0)):
        try:
            wrong()
            assert False
        except ValueError:
            pass
    for wrong in ((print, 3), (print, (), 3)):
        try:
            _thread.start_new_thread(*wrong)
            assert False
        except TypeError:
            pass
    utime.sleep(2)
    assert not _thread.threadIsRunning(started[-1])
    for one in started[1:-1]:
        _thread.stop_thread(one)
    _thread.stack_size(70000)
    try:
        _thread.start_new_thread(print, ())
        assert False
    except OSError:
        pass
    """
    passes(tmp_path, source)


def test_a_thread_that_is_stopped_keeps_its_lock(tmp_path: Path) -> None:
    source = """
    import _thread, utime
    lock = _thread.allocate_lock()
    def holder():
        lock.acquire()
        utime.sleep(100)
        lock.release()
    victim = _thread.start_new_thread(holder, ())
    utime.sleep(1)
    _thread.stop_thread(victim)
    utime.sleep(200)
    assert lock.locked() and lock.acquire(0) is False
    """
    passes(tmp_path, source)


def test_an_exception_ends_its_thread_alone(tmp_path: Path) -> None:
    source = """
    import _thread, utime
    def bad():
        raise ValueError('inside')
    _thread.start_new_thread(bad, ())
    utime.sleep(1)
    print('goes on')
    """
    result = passes(tmp_path, source)
    assert result.out == "goes on\n" and "Unhandled exception in thread" in result.err and "ValueError: inside" in result.err


def test_a_run_lasts_as_long_as_its_threads_or_as_it_was_given(tmp_path: Path) -> None:
    source = """
    import _thread, utime
    def worker():
        while True:
            utime.sleep(10)
            print(utime.time())
    _thread.start_new_thread(worker, ())
    """
    result = play(tmp_path, source, seconds=35)
    assert result.code == 0 and result.out == "10\n20\n30\n"
    assert "over" in result.err


def test_timers(tmp_path: Path) -> None:
    source = """
    import osTimer, utime
    from machine import Timer
    came = []
    def note(name):
        return lambda arg: came.append((name, utime.time(), arg))
    again, once, never = osTimer(), osTimer(), osTimer()
    assert again.start(10000, 1, note('again')) == 0 and once.start(15000, 0, note('once')) == 0 and never.start(5000, 0, note('never')) == 0
    assert never.stop() == 0
    utime.sleep(35)
    assert came == [('again', 10, None), ('once', 15, None), ('again', 20, None), ('again', 30, None)], came
    assert again.delete_timer() == 0 and again.start(1, 0, print) == -1 and again.stop() == -1
    del came[:]
    timer = Timer(Timer.Timer1)
    assert Timer(1) is timer and timer.stop() == -1 and timer.start(period=1000, mode=timer.PERIODIC, callback=note('hardware')) == 0
    assert timer.start(period=1, mode=timer.ONE_SHOT, callback=note('other')) == 0  # it runs: nothing changes
    utime.sleep_ms(2500)
    assert [one[0] for one in came] == ['hardware', 'hardware'] and came[0][2] is timer and timer.stop() == 0
    try:
        Timer(4)
        assert False
    except ValueError:
        pass
    def bad(arg):
        came.append('bad')
        raise ValueError
    once.start(100, 0, bad)
    utime.sleep(1)
    assert came[-1] == 'bad'
    """
    assert "ValueError" in passes(tmp_path, source).err


def test_the_watchdog_bites_who_does_not_feed_it(tmp_path: Path) -> None:
    source = """
    import utime
    from machine import WDT
    assert WDT(0) is False
    dog = WDT(20)
    for _ in range(5):
        utime.sleep(19)
        assert dog.feed() == 0
    print('fed')
    assert dog.stop() == 0
    utime.sleep(100)
    WDT(5)
    utime.sleep(10)
    print('never')
    """
    result = play(tmp_path, source)
    assert result.code == Ending.WATCHDOG and result.out == "fed\n" and "not fed for 5 s, at 200.00" in result.err, result.err


def test_the_watchdog_bites_a_loop_that_calls_nothing(tmp_path: Path) -> None:
    result = play(tmp_path, "from machine import WDT\nWDT(1)\nwhile True:\n    pass")
    assert result.code == Ending.WATCHDOG


def test_a_restart_begins_again_with_its_reason(tmp_path: Path) -> None:
    source = """
    from misc import Power
    from machine import WDT
    import utime
    print(Power.powerOnReason())
    if Power.powerOnReason() == 1:
        Power.powerRestart()
    WDT(3)
    utime.sleep(5)
    """
    result = play(tmp_path, source, restarts=2)
    assert result.code == Ending.WATCHDOG and result.out == "1\n2\n5\n"
    assert play(tmp_path, source).code == Ending.RESTART
    assert play(tmp_path, "from misc import Power\nPower.powerDown()").code == Ending.POWER_DOWN


def test_real_time_is_real(tmp_path: Path) -> None:
    source = """
    import osTimer, utime
    came = []
    osTimer().start(100, 0, came.append)
    began = utime.ticks_ms()
    utime.sleep_ms(300)
    assert came == [None] and 300 <= utime.ticks_diff(utime.ticks_ms(), began) < 10000
    """
    began = time.monotonic()
    passes(tmp_path, source, real_time=True)
    assert time.monotonic() - began >= 0.3


def test_a_test_can_move_the_time(tmp_path: Path) -> None:
    source = """
    import quecpython_sim as control
    import osTimer, utime
    came = []
    osTimer().start(60000, 1, lambda arg: came.append(control.now_ms()))
    control.advance(180500)
    assert came == [60000, 120000, 180000] and utime.time() == 180 and control.fact('model') == 'EC200U'
    """
    passes(tmp_path, source)


@pytest.mark.parametrize("name", [one.name for one in Ending if one is not Ending.DIVISION])
def test_the_exit_codes_are_those_of_the_simulated_module(name: str) -> None:
    assert f"\n{name} = {Ending[name].value}\n" in (MODULES / "qpysim/ending.py").read_text()
