# SPDX-License-Identifier: MIT
"""Every function of the fakes that a plan can name, and the ways in which Quectel's documents let it fail.

A failure is what happens instead of the call, or before it. Where no document speaks of failures, what is here is what
the source of 2021 can do, or what littlefs does; functions without any can still be made to return, raise or block.
"""

from collections.abc import Iterator
from typing import Any

Effect = dict[str, Any]

MINUS_ONE: Effect = {"do": "return", "value": -1}
NONE: Effect = {"do": "return", "value": None}
FALSE: Effect = {"do": "return", "value": False}


def _returns(value: Any) -> Effect:
    return {"do": "return", "value": value}


def _tuple(*values: Any) -> Effect:
    return {"do": "return", "value": {"tuple": list(values)}}


def _raises(error: str, argument: Any = None) -> Effect:
    return {"do": "raise", "error": error} | ({} if argument is None else {"argument": argument})


def _mqtt(number: int) -> Effect:
    return _raises("ValueError", f"MQTT Connect error='{number}' FAIL")


def _each(module: str, names: str, failures: dict[str, Effect]) -> dict[str, dict[str, Effect]]:
    return {f"{module}.{name}": failures for name in names.split()}


_FLASH = {"enospc": _raises("OSError", 28), "eio": _raises("OSError", 5)}
_FILE = {"enoent": _raises("OSError", 2), **_FLASH}
_LOST = {"reset": _raises("OSError", 104), "timeout": _raises("OSError", 110)}
_CODES = {f"-{code}": _returns(-code) for code in range(1, 7)} | {str(code): _returns(code) for code in range(1, 7)}
_SLOW = {"slow": {"do": "block", "ms": 5000}}
_DOWN = ["0.0.0.0"] * 3

FAILURES: dict[str, dict[str, Effect]] = {
    **_each("modem", "getDevImei getDevModel getDevSN getDevFwVersion getDevProductId", {"-1": MINUS_ONE}),
    **_each(
        "sim",
        "getImsi getIccid getPhoneNumber genericAccess enablePin disablePin verifyPin changePin unblockPin "
        "readPhonebook writePhonebook setSimDet getSimDet getCurSimid switchCard setCallback setSwitchcardCallback",
        {"-1": MINUS_ONE},
    ),
    "sim.getStatus": {"-1": MINUS_ONE, "string": _returns("1"), "busy": _returns(18)},
    **_each(
        "net",
        "operatorName getState getConfig setConfig getNetMode getSignal nitzTime getModemFun setModemFun setApn getApn "
        "setCallback",
        {"-1": MINUS_ONE},
    ),
    "net.csqQueryPoll": {"-1": MINUS_ONE, "99": _returns(99)},
    "net.getCellInfo": {"-1": MINUS_ONE, "empty": _tuple([], [], []), **_SLOW},
    **_each("net", "getCi getMnc getMcc getLac", {"-1": MINUS_ONE, "empty": _returns([]), **_SLOW}),
    **_each("net", "getServingCi getServingMnc getServingMcc getServingLac", {"-1": MINUS_ONE, **_SLOW}),
    **_each(
        "dataCall",
        "setPDPContext getPDPContext activate deactivate setAutoActivate setAutoConnect setDNSServer setCallback start "
        "recordApn setAsynMode",
        {"-1": MINUS_ONE},
    ),
    "dataCall.getInfo": {"-1": MINUS_ONE, "down": _tuple(1, 0, [0, 0, *_DOWN])},
    **_each(
        "checkNet",
        "waitNetworkReady CheckNetwork.wait_network_connected",
        {"no-sim": _tuple(1, 0), "no-state": _tuple(2, -1), "no-network": _tuple(2, 0), "no-data": _tuple(3, 0)},
    ),
    **_each("misc.Power", "powerOnReason powerDownReason", {"unknown": _returns(0)}),
    "misc.Power.getVbatt": {"-1": MINUS_ONE},
    **_each("misc.Power", "powerDown powerRestart", {}),
    "SecureData.Store": {"-1": MINUS_ONE, "torn": {"do": "torn"}},
    "SecureData.Read": {"-1": MINUS_ONE, "-2": _returns(-2)},
    **_each("log", "Logger.log getLogger basicConfig set_output", {}),
    **_each("utime", "time localtime mktime getTimeZone setTimeZone ticks_ms ticks_us ticks_cpu", {}),
    **_each("utime", "sleep sleep_ms sleep_us", {}),
    **_each("uos", "remove chdir listdir ilistdir mkdir rmdir rename stat statvfs", _FILE),
    "uos.remove": {**_FILE, "ebusy": _raises("OSError", 16)},
    **_each("uos", "getcwd uname uname2 urandom", {}),
    "file.open": _FILE,
    "file.write": {**_FLASH, "torn": {"do": "torn"}},
    **_each("file", "read flush close", _FLASH),
    "ql_fs.path_exists": {"false": FALSE},
    "ql_fs.path_getsize": {"missing": _raises("FileNotFoundError", "can not find")},
    "ql_fs.file_copy": {"false": FALSE, **_FLASH},
    "ql_fs.touch": {"-1": MINUS_ONE},
    "ql_fs.read_json": {"none": NONE, "no-json": _raises("ValueError", "syntax error in JSON")},
    **_each("ql_fs", "mkdirs rmdirs", _FILE),
    "ql_fs.path_dirname": {},
    "umqtt.MQTTClient.connect": {
        "dns": _raises("ValueError", "MQTT Connect error='DNS Parsing' FAIL"),
        "reset": _mqtt(104),
        "refused": _mqtt(111),
        "closed": _mqtt(107),
        "timeout": _mqtt(110),
        "not-authorised": _mqtt(5),
        "no-thread": _raises("OSError", "can't create thread"),
    },
    "umqtt.MQTTClient.publish": {"none": NONE, "false": FALSE},
    "umqtt.MQTTClient.subscribe": {**_LOST, "refused": _raises("MQTTException", 128), "silent": NONE},
    "umqtt.MQTTClient.unsubscribe": _LOST,
    "umqtt.MQTTClient.wait_msg": {**_LOST, "closed": _raises("OSError", -1), "none": NONE},
    "umqtt.MQTTClient.check_msg": {**_LOST, "eagain": _raises("OSError", 11)},
    "umqtt.MQTTClient.ping": _LOST,
    "umqtt.MQTTClient.get_mqttsta": {"-1": MINUS_ONE, "1": _returns(1), "2": _returns(2)},
    **_each("umqtt.MQTTClient", "set_callback error_register_cb set_last_will disconnect close", {}),
    "usocket.getaddrinfo": {"dns": _raises("OSError", -2)},
    "ussl.wrap_socket": {"reset": _raises("OSError", 104)},
    "_thread.start_new_thread": {"no-thread": _raises("OSError", "can't create thread")},
    "_thread.stop_thread": {"missing": _raises("ValueError", "No thread with this thread id was found!")},
    "_thread.lock.acquire": {"false": FALSE},
    "_thread.stack_size": {"-1": MINUS_ONE},
    "_thread.semphore.acquire": {"false": FALSE},
    **_each("_thread", "get_ident get_heap_size threadIsRunning allocate_lock delete_lock", {}),
    **_each("_thread", "lock.release lock.locked semphore.release semphore.getCnt", {}),
    **_each("_thread", "allocate_semphore delete_semphore", {}),
    **_each("osTimer", "start stop", {"-1": MINUS_ONE}),
    "osTimer.delete_timer": {},
    "machine.WDT": {"false": FALSE},
    **_each("machine.WDT", "feed stop", {"-1": MINUS_ONE}),
    "machine.UART": {"init": _raises("ValueError", "UART init fail")},
    **_each("machine.UART", "read write", {"eagain": _raises("OSError", 11)}),
    **_each("machine.UART", "close control_485 set_callback", {"-1": MINUS_ONE}),
    "machine.UART.any": {},
    **_each("machine.RTC", "datetime set_alarm register_callback enable_alarm", {"-1": MINUS_ONE}),
    "machine.Timer": {},
    "machine.Timer.start": {"-1": MINUS_ONE, "false": FALSE},
    "machine.Timer.stop": {"-1": MINUS_ONE},
    **_each("wifiScan", "control setCfgParam getCfgParam setCallback", {"-1": MINUS_ONE}),
    **_each("wifiScan", "start asyncStart", {"-1": MINUS_ONE, "off": _raises("ValueError", "WiFi-Scan is off")}),
    **_each("wifiScan", "support getState", {}),
    "cellLocator.getLocation": {**_CODES, "invalid": _tuple(0.0, 0.0, 0)},
    "system.replSetEnable": {
        "-1": MINUS_ONE,
        "3": _returns(3),
        "no-password": _raises("TypeError", "unexpected keyword argument 'password'"),
    },
    "system.replChangPswd": {"-1": MINUS_ONE},
    "utils.crc32.update": {},
}


def matching(at: str) -> Iterator[str]:
    """The functions that "net.getState", "net.*" or "*" names."""
    if at.endswith("*"):
        yield from (name for name in FAILURES if name.startswith(at[:-1]))
    elif at in FAILURES:
        yield at
