# SPDX-License-Identifier: MIT
"""The fakes answer in the shapes of QuecPython's documents, in both generations, and with what the device description says."""

from pathlib import Path

from host.quecpython_case import passes, play

DEVICE = {
    "modem.imei": "866327040830317", "modem.model": "EC600N", "modem.operator": "CHN-UNICOM", "modem.mcc": 460, "modem.mnc": 1,
    "modem.rssi": -51, "modem.lac": "691D", "modem.cell-id": 232301323, "modem.battery-mv": 3590, "time.now": 1635228483,
    "quecpython": {
        "operator_short": "UNICOM", "timezone_h": 8, "rsrp": -76, "rsrq": -5, "sinr": 18, "wifi": [["F0:B4:29:86:95:C7", -79], ["44:00:4D:D5:26:E0", -92]],
        "location": [117.1138, 31.82279, 550], "phonebook": [[1, "Tom", "15544272539"], [2, "Pony", "15544272539"]],
        "cells": [{"cid": 232301375, "pci": 378}, {"flag": 3, "cid": 110110494, "mnc": 17}],
    },
}  # fmt: skip


def test_g1_modem_and_sim(tmp_path: Path) -> None:
    passes(
        tmp_path,
        """
        import modem, sim
        assert modem.getDevImei() == '866327040830317' and modem.getDevModel() == 'EC600N' and modem.getDevProductId() == 'Quectel'
        assert modem.getDevSN() == -1 and isinstance(modem.getDevFwVersion(), str)
        try:
            modem.getDevImei(0)
            assert False
        except TypeError:
            pass
        assert sim.getStatus() == 1 and sim.getImsi() == '001010123456789' and sim.getIccid()[:2] == '89' and sim.getPhoneNumber() == -1
        assert sim.readPhonebook(9, 1, 4, '') == (2, [(1, 'Tom', '15544272539'), (2, 'Pony', '15544272539')])
        assert sim.readPhonebook(9, 0, 0, 'Pon') == (1, [(2, 'Pony', '15544272539')])
        assert sim.writePhonebook(9, 3, 'Jay', '1') == 0 and sim.readPhonebook(9, 3, 3, '')[0] == 1
        for wrong in ((16, 1, 1, ''), (9, 2, 1, ''), (9, 1, 22, ''), (9, 1, 1, 'x' * 31)):
            try:
                sim.readPhonebook(*wrong)
                assert False
            except ValueError:
                pass
        assert sim.getCurSimid() == -1 and sim.switchCard(1) == -1 and sim.genericAccess(0, '80F2') == -1
        assert sim.setSimDet(1, 0) == 0 and sim.getSimDet() == (1, 0)
        """,
        description={**DEVICE, "modem.serial": None, "modem.phone": None},
    )


def test_the_pin_locks_the_card_after_three_wrong_ones(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    passes(
        tmp_path,
        """
        import sim, net, dataCall
        assert sim.getStatus() == 2 and sim.getImsi() == -1 and net.getState()[1][0] == 0 and dataCall.getInfo(1, 0)[2][0] == 0
        assert [sim.verifyPin('0000') for _ in range(3)] == [-1, -1, -1] and sim.getStatus() == 3 and sim.verifyPin('1234') == -1
        assert sim.unblockPin('00000000', '4321') == -1 and sim.unblockPin('12345678', '4321') == 0
        assert sim.getStatus() == 1 and sim.getImsi() != -1 and net.getState()[1][0] == 1
        assert sim.enablePin('1234') == -1 and sim.enablePin('4321') == 0 and sim.changePin('4321', '9999') == 0
        """,
        description={"modem.sim-status": 2},
        state=state,
    )
    passes(tmp_path, "import sim\nassert sim.getStatus() == 2 and sim.verifyPin('9999') == 0 and sim.disablePin('9999') == 0", state=state)


def test_g1_net(tmp_path: Path) -> None:
    passes(
        tmp_path,
        """
        import net, utime, quecpython_sim as control
        assert net.csqQueryPoll() == 31 and net.getSignal() == ([99, 99, 255, 255], [-51, -76, -5, 255])
        assert net.getSignal(1)[1] == [-51, -76, -5, 255, 18] and net.operatorName() == ('CHN-UNICOM', 'UNICOM', '460', '01')
        state = net.getState()
        assert state == ([1, 26909, 232301323, 7, 0, 0], [1, 26909, 232301323, 7, 0, 0]) and isinstance(state[0], list)
        began = utime.ticks_ms()
        cells = net.getCellInfo()
        assert 3000 <= utime.ticks_diff(utime.ticks_ms(), began) <= 5000
        assert cells == ([], [], [(0, 232301375, 1120, 1, 378, 26909, 1850, -51, -5), (3, 110110494, 1120, 17, 378, 26909, 1850, -51, -5)])
        assert net.getMcc() == [1120, 1120] and net.getServingMcc() == 1120 and net.getMnc() == [1, 17] and net.getServingCi() == 232301375
        assert net.getLac() == [26909, 26909] and net.getServingLac() == 26909 and net.getServingMnc() == 1 and len(net.getCi()) == 2
        assert net.nitzTime()[0][:8] == '21/10/26' and net.nitzTime()[0][-4:] == ' 8 0' and net.nitzTime()[1] - 1635228483 < 60
        assert net.getConfig() == (5, False) and net.setConfig(8, 1) == 0 and net.getConfig() == (8, True) and net.setConfig(99) == -1
        assert net.getNetMode() == (0, '460', '01', 7) and net.getApn(0) == 'NOT SUPPORT' and net.getModemFun() == 1
        control.change({'registration': 0})
        assert net.operatorName() == -1 and net.getState()[1][0] == 0 and net.csqQueryPoll() == 99 and net.getNetMode() == -1 and net.nitzTime() == -1
        assert net.getSignal(1) == ([99, 99, 255, 255], [99, 99, 255, 255, 255])
        control.change({'registration': 5})
        assert net.setModemFun(4) == 0 and net.getState()[1][0] == 0 and net.setModemFun(1) == 0 and net.getState()[1][0] == 5
        assert net.setModemFun(7) == -1
        """,
        description=DEVICE,
    )


def test_the_date_of_the_network_and_the_country_code_differ_by_model(tmp_path: Path) -> None:
    for model, ending, mcc in (("EC200U", " +32 0", 460), ("BG95", "", 460), ("EC100Y", " 8 0", 1120)):
        passes(
            tmp_path,
            f"import net\nassert net.nitzTime()[0][17:] == '{ending}' and net.getServingMcc() == {mcc}",
            description={**DEVICE, "modem.model": model},
        )


def test_g2_has_other_shapes_and_fewer_modules(tmp_path: Path) -> None:
    passes(
        tmp_path,
        """
        import modem, net, uos, usys
        assert modem.getDevImei(0) == '866327040830317' and modem.getDevModel() == 'EG800Z'
        assert net.csqQueryPoll() == (31, 99) and net.getSignal() == (-51, -76, -5, 18)
        assert net.operatorName() == ('CHN-UNICOM', 'UNICOM', '', '')
        cells = net.getCellInfo()
        assert isinstance(cells, list) and len(cells) == 1 and len(cells[0]) == 8
        assert uos.uname()[2] == 'release=1.28.0' and usys.implementation[1] == (1, 28, 0)
        for name in ('SecureData', 'ussl', 'uhashlib', 'ucryptolib', 'wifiScan', 'cellLocator'):
            try:
                __import__(name)
                assert False, name
            except ImportError:
                pass
        """,
        description=DEVICE,
        generation="g2",
    )


def test_packet_data(tmp_path: Path) -> None:
    passes(
        tmp_path,
        """
        import dataCall, checkNet, utime, quecpython_sim as control
        heard = []
        assert dataCall.getInfo(1, 0) == (1, 0, [0, 0, '0.0.0.0', '0.0.0.0', '0.0.0.0']) and dataCall.setCallback(heard.append) == 0
        assert checkNet.waitNetworkReady(2) == (2, 0) and utime.time() == 2
        assert checkNet.waitNetworkReady() == (3, 1) and utime.time() == 10 and heard == [(1, 1, 0)]
        assert dataCall.getInfo(1, 0) == (1, 0, [1, 0, '10.64.0.2', '10.64.0.1', '10.64.0.1']) and dataCall.getInfo(1, 1)[2][0] == 0
        assert len(dataCall.getInfo(1, 2)) == 4 and dataCall.getPDPContext(1) == (0, 'internet', '', '', 0)
        for wrong in ((0, 0), (4, 0), (1, 3)):
            try:
                dataCall.getInfo(*wrong)
                assert False
            except ValueError:
                pass
        assert dataCall.setPDPContext(4, 0, '', '', '', 0) == -1 and dataCall.setPDPContext(2, 0, 'x' * 65, '', '', 0) == -1
        assert dataCall.setPDPContext(2, 2, 'iot', 'me', 'secret', 1) == 0 and dataCall.getPDPContext(2) == (2, 'iot', 'me', 'secret', 1)
        assert dataCall.activate(2) == 0 and dataCall.getInfo(2, 2)[3][2] == 'fd00::2' and dataCall.deactivate(2) == 0 and dataCall.deactivate(2) == -1
        assert dataCall.setDNSServer(1, 0, '8.8.8.8', '8.8.4.4') == 0 and dataCall.getInfo(1, 0)[2][3] == '8.8.8.8'
        del heard[:]
        control.change({'registration': 0})
        utime.sleep(1)
        assert heard == [(1, 0, 0)] and dataCall.activate(1) == -1
        control.change({'registration': 1})
        utime.sleep(1)
        assert heard == [(1, 0, 0), (1, 1, 0)]
        assert dataCall.setAutoConnect(1, 0) == 0 and dataCall.setAutoConnect(1, 2) == -1 and dataCall.setAutoActivate(1, 0) == 0
        """,
        quec={"attach_s": 10},
        state=tmp_path / "state.json",
    )
    later = "import dataCall\nassert dataCall.getInfo(1, 0)[2][0] == 0 and dataCall.getPDPContext(2)[1] == 'iot' and dataCall.activate(1) == 0"
    passes(tmp_path, later, state=tmp_path / "state.json")


def test_the_dial_at_boot_can_be_switched_off_by_the_file(tmp_path: Path) -> None:
    (tmp_path / "usr").mkdir()
    (tmp_path / "usr/system_config.json").write_text('{"replFlag": 0, "datacallFlag": 0}')
    passes(tmp_path, "import checkNet\nassert checkNet.waitNetworkReady(1) == (3, 0)", usr=tmp_path / "usr")


def test_check_net_without_a_card_returns_at_once(tmp_path: Path) -> None:
    source = """
    import checkNet, utime
    check = checkNet.CheckNetwork('app', '1.0')
    check.poweron_print_once()
    assert check.wait_network_connected(30) == (1, 0) and utime.time() == 0
    try:
        checkNet.waitNetworkReady(0)
        assert False
    except OSError:
        pass
    """
    assert "FIRMWARE_VERSION" in passes(tmp_path, source, description={"modem.sim-status": 0}).out


def test_access_points_position_and_power(tmp_path: Path) -> None:
    passes(
        tmp_path,
        """
        import wifiScan, cellLocator, utime
        from misc import Power
        try:
            wifiScan.start()
            assert False
        except ValueError:
            pass
        seen = (2, [('F0:B4:29:86:95:C7', -79), ('44:00:4D:D5:26:E0', -92)])
        heard = []
        assert wifiScan.getState() is False and wifiScan.control(1) == 0 and wifiScan.getState() is True and wifiScan.start() == seen
        assert utime.time() == 4 and wifiScan.setCallback(heard.append) == 0 and wifiScan.asyncStart() == 0 and not heard
        utime.sleep(5)
        assert heard == [seen] and wifiScan.setCfgParam(5, 1, 4) == 0 and wifiScan.getCfgParam() == (5, 1, 4, 0)
        key = 'x' * 16
        assert cellLocator.getLocation('www.queclocator.com', 80, key, 8, 1) == (117.1138, 31.82279, 550)
        assert cellLocator.getLocation('x' * 255, 80, key, 8) == -2 and cellLocator.getLocation('a', 80, 'x', 8) == -3
        assert cellLocator.getLocation('a', 80, key, 0) == -4 and cellLocator.getLocation('a', 80, key, 8, 2) == -5
        assert Power.getVbatt() == 3590 and Power.powerOnReason() == 1 and Power.powerDownReason() == 1
        """,
        description=DEVICE,
    )
    passes(tmp_path, "from misc import Power\nassert not hasattr(Power, 'powerDownReason')", description={"modem.model": "EC200U"})


def test_what_a_device_lacks_is_not_there(tmp_path: Path) -> None:
    source = """
    import net, umqtt
    assert not hasattr(net, 'getSignal') and not hasattr(umqtt.MQTTClient, 'get_mqttsta') and hasattr(net, 'getState')
    for name in ('SecureData', 'ussl', 'os', 'json', 'time', 'ffi', 'tls', 'qpysim', 'umqtt.simple', 'nothing'):
        try:
            __import__(name)
            assert False, name
        except ImportError:
            pass
    """
    passes(tmp_path, source, quec={"absent": ["SecureData", "ussl", "net.getSignal", "umqtt.MQTTClient.get_mqttsta"]})


def test_a_model_lacks_what_its_page_says(tmp_path: Path) -> None:
    for model, missing, there in (("EC200A", "SecureData", "ussl"), ("BG95M3", "wifiScan", "uhashlib"), ("BC25PA", "uhashlib", "usocket")):
        source = f"import {there}\ntry:\n    import {missing}\n    assert False\nexcept ImportError:\n    pass"
        passes(tmp_path, source, description={"modem.model": model})


def test_the_lock_of_the_repl(tmp_path: Path) -> None:
    passes(
        tmp_path,
        """
        import system, ujson
        assert system.replSetEnable(2) == 1 and system.replSetEnable(1, password='short') == -1
        assert system.replSetEnable(1, password='miamia123') == 0 and system.replSetEnable(2) == 4
        assert system.replSetEnable(0, password='wrong12') == -1 and system.replChangPswd(old_password='miamia123', new_password='123456') == 0
        config = ujson.load(open('/usr/system_config.json'))
        assert config['replPswd'] == '8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92'
        assert system.replSetEnable(0, password='123456') == 0 and system.replSetEnable(2) == 1
        assert system.replSetEnable(1) == 0 and system.replSetEnable(2) == 3 and system.replSetEnable(0) == -1
        """,
    )


def test_logs_and_their_handlers(tmp_path: Path) -> None:
    result = passes(
        tmp_path,
        """
        import log, usys
        logger = log.getLogger('Quec')
        assert log.getLogger('Quec') is logger and (log.DEBUG, log.CRITICAL) == (10, 50)
        logger.debug('unseen')
        logger.warning('seen %d', 1)
        log.basicConfig(level=log.ERROR)
        logger.info('unseen')
        log.set_output(usys.stdout)
        logger.error('on stdout')
        try:
            log.set_output(3)
            assert False
        except Exception as error:
            assert 'must extend UART' in str(error)
        try:
            logger.error('%d %d', 1)
            assert False
        except TypeError:
            pass
        class Handler:
            def emit(self, record):
                print(record.levelname, record.name, record.message)
        logger.handlers.append(Handler())
        log.getLogger('other').critical('all loggers')
        """,
    )
    assert result.err == "WARN:Quec:seen 1\n" and result.out == "ERROR:Quec:on stdout\nCRIT other all loggers\n"


def test_crc32_is_zlibs(tmp_path: Path) -> None:
    source = """
    from utils import crc32
    assert crc32().update(0, b'123456789') == 0xcbf43926 and crc32().update(crc32().update(0, b'1234'), '56789') == 0xcbf43926
    """
    passes(tmp_path, source, division=False)


def test_what_changes_by_the_plan_is_told_to_those_who_listen(tmp_path: Path) -> None:
    plan = [
        {"after_s": 10, "modem.registration": 3},
        {"after_s": 20, "modem.sim-status": 0},
        {"after_s": 30, "modem.sim-status": 1, "modem.registration": 5, "modem.rssi": -113},
    ]
    source = """
    import net, sim, utime
    networks, cards = [], []
    assert net.setCallback(networks.append) == 0 and sim.setSimDet(1, 1) == 0 and sim.setCallback(cards.append) == 0
    utime.sleep(40)
    assert [one[1] for one in networks] == [3, 0, 5] and cards == [2, 1] and net.csqQueryPoll() == 0
    """
    passes(tmp_path, source, plan=plan)


def test_a_script_that_raises_ends_with_1_and_one_that_exits_with_its_own_code(tmp_path: Path) -> None:
    result = play(tmp_path, "raise ValueError('x')")
    assert result.code == 1 and 'File "/usr/script.py", line 1' in result.err
    assert play(tmp_path, "import usys\nusys.exit(7)").code == 7
