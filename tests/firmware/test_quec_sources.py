# SPDX-License-Identifier: MIT
"""What QuecPython says of itself becomes a value only in the right shape, and only when somebody samples it."""

import _thread
import unittest

from ports.catalogue import IDS
from ports.quecpython.entropy import QuecEntropy
from ports.quecpython.platform import ask, at, module, whole
from ports.quecpython.sources import QuecSources
from sim.sim_quec import Bench, SimModule, until

IDENTIFIERS = {
    "modem.imei": "modem.getDevImei",
    "modem.serial": "modem.getDevSN",
    "modem.model": "modem.getDevModel",
    "modem.firmware": "modem.getDevFwVersion",
    "modem.imsi": "sim.getImsi",
    "modem.iccid": "sim.getIccid",
    "modem.phone": "sim.getPhoneNumber",
}
OTHERS = {
    "modem.rssi": "net.csqQueryPoll",
    "modem.registration": "net.getState",
    "modem.cell-id": "net.getState",
    "modem.lac": "net.getState",
    "modem.sim-status": "sim.getStatus",
    "net.ipv4": "dataCall.getInfo",
}
OPERATOR = ("modem.operator", "modem.mcc", "modem.mnc")


def sample(name, change=None, **more):
    return Bench(change, **more).sources.sample(IDS[name])


def operator(answer, name):
    """The value of `name` once the operator was asked."""
    bench = Bench({"net.operatorName": answer})
    bench.sources.sample(IDS[name])
    bench.ask()
    return bench.sources.sample(IDS[name])


class TestPlatform(unittest.TestCase):
    def test_minus_one_none_nothing_and_any_exception_are_absent(self):
        for answer in (-1, None, "", OSError(5), ValueError("no"), TypeError(), AttributeError("x"), KeyError(1)):
            self.assertIsNone(ask(SimModule(get=answer), "get"))
        self.assertIsNone(ask(None, "get"))
        self.assertIsNone(ask(SimModule(), "get"))
        self.assertIsNone(module("no_such_module"))

    def test_zero_false_and_what_holds_minus_one_are_answers(self):
        for answer in (0, False, -2, (), [], (-1, -1), b"", "0"):
            self.assertEqual(ask(SimModule(get=answer), "get"), answer)

    def test_no_memory_is_not_taken_for_absent(self):
        self.assertRaises(MemoryError, ask, SimModule(get=MemoryError()), "get")

    def test_a_place_that_a_short_tuple_lacks_is_absent(self):
        self.assertEqual(at(([1, 2], [3, 4]), 1, 0), 3)
        for value in ((), [1], ([1, 2],), ([1], []), "ab", 5, None, -1):
            self.assertIsNone(at(value, 1, 0))

    def test_only_whole_numbers_within_bounds_are_numbers(self):
        self.assertEqual([whole(n, 0, 31) for n in (0, 31)], [0, 31])
        for value in (-1, 32, True, "7", 7.0, None, (7,)):
            self.assertIsNone(whole(value, 0, 31))


class TestShapes(unittest.TestCase):
    def test_each_source_as_a_module_says_it(self):
        bench = Bench(supply=SimModule(getVbatt=3900))
        for name in OPERATOR:
            bench.sources.sample(IDS[name])
        bench.ask()
        for name, value in (
            ("modem.imei", "490154203237518"), ("modem.imsi", "001010123456789"), ("modem.iccid", "8988211000000000014F"),
            ("modem.phone", "+491701234567"), ("modem.model", "EC200U"), ("modem.firmware", "EC200UEUAAR03A04M08_OCPU_QPY"),
            ("modem.serial", "E1X20AB00000001"), ("modem.operator", "Test Network"), ("modem.rssi", -65),
            ("modem.registration", 1), ("modem.mcc", 262), ("modem.mnc", 1), ("modem.cell-id", "1C0FFEE"),
            ("modem.lac", "1A2B"), ("modem.battery-mv", 3900), ("modem.sim-status", 1), ("net.ipv4", "10.1.2.3"),
            ("device.model", "EC200U"), ("device.os", "QuecPython 1.13.0"),
        ):  # fmt: skip
            self.assertEqual((name, bench.sources.sample(IDS[name])), (name, value))

    def test_what_the_module_does_not_know_is_absent(self):
        for name, function in list(IDENTIFIERS.items()) + list(OTHERS.items()):
            for answer in (-1, None, "", OSError(5), ValueError("x")):
                self.assertEqual((name, sample(name, {function: answer})), (name, None))
        for name in OPERATOR:
            for answer in (-1, None, "", OSError(5)):
                self.assertEqual((name, operator(answer, name)), (name, None))

    def test_a_number_bytes_or_tuple_is_no_identifier(self):
        for name, function in IDENTIFIERS.items():
            for answer in (490154203237518, b"490154203237518", ("490154203237518",), ["EC200U"], True, 0):
                self.assertEqual((name, sample(name, {function: answer})), (name, None))

    def test_an_identifier_of_another_length_or_alphabet_is_none_not_a_part(self):
        for name, answers in (
            ("modem.imei", ("49015420323751", "4901542032375180", "49015420323751A", "IMEI:490154203237518", "?" * 15)),
            ("modem.imsi", ("0010101234567", "00101012345678X", "460-00-0123456")),
            ("modem.iccid", ("898821100000000001", "F" * 20, "1" * 20, "8988211000000000014G")),
            ("modem.phone", ("491701234567", "+49", "+49170x234567")),
            ("modem.serial", ("abc", "490154203237518", "E1X 20AB")),
            ("modem.model", ("?" * 6, "x" * 65)),
        ):
            for answer in answers:
                self.assertEqual((answer, sample(name, {IDENTIFIERS[name]: answer})), (answer, None))

    def test_the_signal_is_a_level_of_g1_or_a_pair_of_g2(self):
        for answer, value in (
            (24, -65), ((24, 99), -65), (0, -113), (31, -51), ([24, 99], -65), (99, None), ((99, 99), None), ((), None),
            (32, None), ("24", None), (True, None),
        ):  # fmt: skip
            self.assertEqual((answer, sample("modem.rssi", {"net.csqQueryPoll": answer})), (answer, value))

    def test_the_state_is_that_of_the_data_domain_in_every_shape(self):
        for answer, value in (
            (([5, 0, 0, 0, 0, 0], [2, 1, 1, 0, 0, 0]), 2), (((1, 9), (5, 9)), 5), (([1, 9, 9],), None), ([[1], [0]], 0),
            (([], []), None), (([1], 1), None), (([1], ["1"]), None), (([1], [12]), None), (1, None), ("registered", None),
        ):  # fmt: skip
            self.assertEqual((answer, sample("modem.registration", {"net.getState": answer})), (answer, value))

    def test_a_cell_is_told_only_while_registered(self):
        for status, told in ((1, True), (5, True), (0, False), (2, False), (3, False), (4, False), (11, False), ("1", False)):
            state = ([1, 7, 7, 7, 0, 0], [status, 0x1A2B, 0x1C0FFEE, 7, 0, 0])
            for name, value in (("modem.cell-id", "1C0FFEE"), ("modem.lac", "1A2B")):
                self.assertEqual(sample(name, {"net.getState": state}), value if told else None)

    def test_a_cell_that_is_none_or_not_a_number_is_absent(self):
        for cell in (0, -1, 0xFFFFFFFF, 0xFFFF, 1 << 36, "1C0FFEE", None, True):
            state = ([1], [1, cell, cell, 7])
            self.assertEqual((cell, sample("modem.cell-id", {"net.getState": state})), (cell, None))
            self.assertEqual((cell, sample("modem.lac", {"net.getState": state})), (cell, None))
        self.assertIsNone(sample("modem.cell-id", {"net.getState": ([1, 2, 3], [1, 2])}))

    def test_a_country_code_of_1120_is_460(self):
        self.assertEqual(operator(("China Mobile", "CMCC", "1120", "00"), "modem.mcc"), 460)
        self.assertEqual(operator(("China Mobile", "CMCC", "460", "00"), "modem.mcc"), 460)

    def test_no_country_is_made_of_what_belongs_to_the_network(self):
        for mcc, mnc in (
            ("", ""), ("46", "001"), ("1120", "0"), ("112", "000"), ("1130", "001x"), ("26", "201"), ("262", ""),
            ("2620", "1"), (262, 1), (None, None), ("26x", "01"), ("262", "0001"), ("1291", "00"),
        ):  # fmt: skip
            for name in ("modem.mcc", "modem.mnc"):
                self.assertEqual((mcc, mnc, operator(("Net", "Net", mcc, mnc), name)), (mcc, mnc, None))

    def test_the_operator_of_g2_has_a_name_and_no_codes(self):
        answer = ("Test Network", "Test", "", "")
        self.assertEqual([operator(answer, name) for name in OPERATOR], ["Test Network", None, None])
        for answer in ((), ("",), ("??? ???", "", "262", "01"), "Test Network", (b"Test",), 26201):
            self.assertIsNone(operator(answer, "modem.operator"))

    def test_an_address_is_a_dotted_quad_that_was_given_out(self):
        for address in ("0.0.0.0", "", "10.1.2", "10.1.2.256", "10.1.2.3.4", "fe80::1", "10.1.2.x", -1, None):
            answer = lambda profile, kind, address=address: (1, 0, [0, 0, address, "", ""])  # noqa: E731
            self.assertEqual((address, sample("net.ipv4", {"dataCall.getInfo": answer})), (address, None))
        for answer in ((1, 0), (1, 0, ()), (1, 0, [1, 0]), [], 7):
            self.assertIsNone(sample("net.ipv4", {"dataCall.getInfo": answer}))

    def test_a_supply_or_card_state_out_of_bounds_is_absent(self):
        for supply in (0, 999, 60001, "3900", None, -1):
            self.assertIsNone(sample("modem.battery-mv", supply=SimModule(getVbatt=supply)))
        self.assertIsNone(sample("modem.battery-mv"))
        for status in (22, -2, "1", (1,)):
            self.assertIsNone(sample("modem.sim-status", {"sim.getStatus": status}))

    def test_the_system_has_a_name_in_every_shape_of_uname(self):
        for answer in (-1, (), 5, "release=1", ("EC200U",), OSError(1), [None, 7]):
            self.assertEqual(sample("device.os", {"uos.uname": answer}), "QuecPython")
        self.assertEqual(sample("device.os", {"uos.uname": ("release=" + "9" * 80,)}), "QuecPython " + "9" * 53)


class TestCard(unittest.TestCase):
    def test_a_card_is_asked_for_its_numbers_only_when_it_is_ready(self):
        for name in ("modem.imsi", "modem.iccid", "modem.phone"):
            for status in (0, 2, 3, 4, 20, 21, -1, None, "1", OSError(5)):
                bench = Bench({"sim.getStatus": status})
                self.assertIsNone(bench.sources.sample(IDS[name]))
                self.assertEqual(bench.modules.calls("getImsi", "getIccid", "getPhoneNumber"), 0)
            self.assertIsNotNone(sample(name))


class TestAsking(unittest.TestCase):
    def test_nothing_is_asked_that_is_not_sampled(self):
        bench = Bench()
        for _ in range(3):
            bench.ask()
        self.assertEqual(bench.modules.calls("RTC"), 1)  # which is an object
        self.assertEqual(bench.modules.calls(), 1)
        for name, function in list(IDENTIFIERS.items()) + list(OTHERS.items()):
            bench = Bench()
            bench.sources.sample(IDS[name])
            bench.ask()
            wanted = {"RTC", function.split(".")[1]} | ({"getStatus"} if function[:4] == "sim." else set())
            asked = {call for one in bench.modules.modules.values() for call in one.calls if call[:6] != "ticks_"}
            self.assertEqual(asked, wanted)

    def test_a_source_without_module_or_number_is_absent_and_raises_nothing(self):
        bench = Bench(without=("modem", "sim", "net", "dataCall", "uos", "machine"))
        for name, number in IDS.items():
            if name[:6] == "modem." or name == "net.ipv4":
                self.assertIsNone(bench.sources.sample(number))
                bench.ask()
        self.assertIsNone(bench.sources.sample(99999))
        self.assertEqual(bench.sources.sample(IDS["device.os"]), "QuecPython")

    def test_neighbour_cells_are_never_asked_for(self):
        bench = Bench({"net.getCellInfo": ([], [], [])})
        for number in IDS.values():
            bench.sources.sample(number)
            bench.ask()
        self.assertEqual(bench.modules.calls("getCellInfo", "getSignal", "getInfo"), 1)  # getInfo

    def test_the_operator_is_never_asked_in_the_callers_thread(self):
        bench = Bench()
        _thread.start_new_thread(bench.worker.loop, ())
        try:
            sampled = lambda: bench.sources.sample(IDS["modem.operator"])  # noqa: E731
            self.assertIsNone(sampled())
            self.assertTrue(until(lambda: bench.modules.calls("operatorName") and sampled() is not None))
            self.assertEqual([bench.sources.sample(IDS[name]) for name in OPERATOR], ["Test Network", 262, 1])
            net = bench.modules.find("net")
            callers = [net.callers[i] for i in range(len(net.calls)) if net.calls[i] == "operatorName"]
            self.assertEqual(len(callers), 1)
            self.assertFalse(_thread.get_ident() in callers)
        finally:
            bench.worker.stop()

    def test_an_operator_is_forgotten_after_an_hour_without_an_answer(self):
        bench = Bench()
        bench.sources.sample(IDS["modem.operator"])
        bench.ask()
        bench.modules.modules["net"].answers["operatorName"] = -1
        for _ in range(60):
            self.assertEqual(bench.sources.sample(IDS["modem.operator"]), "Test Network")
            bench.ask()
            bench.modules.ms += 60000
        bench.modules.ms += 60000
        self.assertIsNone(bench.sources.sample(IDS["modem.operator"]))

    def test_the_button_is_the_devices_own(self):
        bench = Bench()
        self.assertIsNone(bench.sources.withdrawal())
        bench.sources.withdrawal_done()
        done = []
        pressed = QuecSources(bench.clock, bench.worker, None, bench.modules.find, lambda: "*", lambda: done.append(1))
        self.assertEqual(pressed.withdrawal(), "*")
        pressed.withdrawal_done()
        self.assertEqual(done, [1])

    def test_memory_and_uptime_are_whole_numbers(self):
        bench = Bench()
        bench.modules.ms = 90999
        self.assertEqual(bench.sources.sample(IDS["device.uptime"]), 90)
        total, free = [bench.sources.sample(IDS["device.memory-" + name]) for name in ("total", "free")]
        self.assertTrue(0 < free <= total)


class TestEntropy(unittest.TestCase):
    def test_chance_has_the_length_asked_for_is_not_trusted_and_does_not_repeat(self):
        modules = Bench().modules
        entropy = QuecEntropy(modules.find("utime"), modules.find("uos"), modules.find("net"), None)
        self.assertFalse(entropy.trusted)
        for length in (1, 16, 32, 48, 100):
            self.assertEqual(len(entropy.read(length)), length)
        self.assertNotEqual(entropy.read(32), entropy.read(32))

    def test_a_module_without_random_numbers_gives_what_its_clock_has(self):
        modules = Bench({"uos.urandom": OSError(1), "net.csqQueryPoll": OSError(1)}).modules
        self.assertEqual(len(QuecEntropy(modules.find("utime"), modules.find("uos"), modules.find("net"), None).read(40)), 40)
        self.assertEqual(len(QuecEntropy(modules.find("utime"), None, None, None).read(40)), 40)


if __name__ == "__main__":
    unittest.main()
