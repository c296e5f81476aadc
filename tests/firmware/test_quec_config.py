# SPDX-License-Identifier: MIT
"""The configuration of a QuecPython module: every key, its bounds, and what cannot work, told by key and never by value."""

import unittest

from ports.quecpython.config import checked
from ports.settings import ConfigError

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
HOST = {"host": "broker.test"}


def with_broker(**more):
    return {"broker": dict(HOST, **more)}


class TestConfig(unittest.TestCase):
    def refused(self, config):
        """The text of the refusal."""
        try:
            checked(config)
        except ConfigError as error:
            self.assertFalse("secret" in str(error))
            return str(error)
        self.fail("taken: " + repr(config))

    def test_a_host_is_enough(self):
        config = checked({"broker": HOST})
        self.assertEqual(
            config["broker"],
            {"host": "broker.test", "port": 1883, "user": None, "password": None, "tls": False, "cert": None, "key": None,
             "keepalive_s": 120},
        )  # fmt: skip
        self.assertEqual((config["flush_below_mv"], config["watchdog_s"]), (None, None))

    def test_every_key_is_taken_as_it_is(self):
        broker = {
            "host": "10.0.0.1", "port": 8884, "user": "me", "password": "it's", "tls": True, "cert": PEM, "key": PEM, "keepalive_s": 60
        }  # fmt: skip
        config = {"broker": broker, "flush_below_mv": 3300, "watchdog_s": 120}
        self.assertEqual(checked(config), config)

    def test_tls_moves_the_port_unless_it_is_given(self):
        self.assertEqual(checked(with_broker(tls=True))["broker"]["port"], 8883)
        self.assertEqual(checked(with_broker(tls=True, port=1883))["broker"]["port"], 1883)
        self.assertEqual(checked(with_broker(tls=False))["broker"]["port"], 1883)

    def test_numbers_keep_within_their_bounds(self):
        for key, least, most in (("port", 1, 65535), ("keepalive_s", 30, 240)):
            for value in (least, most):
                self.assertEqual(checked(with_broker(**{key: value}))["broker"][key], value)
            for value in (least - 1, most + 1, str(least), True, None, [least]):
                self.assertIn("broker." + key, self.refused(with_broker(**{key: value})))
        for key, least, most in (("flush_below_mv", 1000, 60000), ("watchdog_s", 60, 3600)):
            for value in (least, most):
                self.assertEqual(checked({"broker": HOST, key: value})[key], value)
            for value in (least - 1, most + 1, str(least), True, None):
                self.assertIn(key, self.refused({"broker": HOST, key: value}))

    def test_texts_are_printable_and_not_too_long(self):
        for key, most in (("host", 100), ("user", 128), ("password", 128)):
            self.assertEqual(checked(with_broker(**{key: "a" * most}))["broker"][key], "a" * most)
            for value in ("", "a" * (most + 1), "secret\n", 'secret"', "secret\\", "secret\x7f", 5, None, b"secret"):
                self.assertIn("broker." + key, self.refused(with_broker(**{key: value})))

    def test_flags_and_pem_texts_are_such(self):
        for value in (1, "true", None):
            self.assertIn("broker.tls", self.refused(with_broker(tls=value)))
        for key in ("cert", "key"):
            for value in ("", 5, None, b"secret"):
                broker = dict(HOST, tls=True, cert=PEM, key=PEM)
                broker[key] = value
                self.assertIn("broker." + key, self.refused({"broker": broker}))

    def test_a_ca_is_refused_with_its_reason(self):
        for more in ({}, {"tls": True}, {"tls": True, "cert": PEM, "key": PEM}):
            text = self.refused(with_broker(ca=PEM, **more))
            self.assertIn("broker.ca", text)
            self.assertIn("verifies no server", text)

    def test_a_certificate_needs_its_key_and_tls(self):
        for more in (
            {"tls": True, "cert": PEM}, {"tls": True, "key": PEM}, {"cert": PEM, "key": PEM},
            {"tls": False, "cert": PEM, "key": PEM}, {"key": PEM},
        ):  # fmt: skip
            self.assertIn("belong together", self.refused(with_broker(**more)))

    def test_what_is_missing_unknown_or_no_map_is_named(self):
        for config, word in (
            ({}, "broker is missing"), ({"broker": {}}, "broker.host is missing"), ({"broker": {"port": 1}}, "broker.host is missing"),
            ({"broker": []}, "broker is not a map"), ({"broker": None}, "broker is not a map"), ([], "not a map"), (None, "not a map"),
            ({"broker": HOST, "apn": "secret"}, "unknown key apn"), (with_broker(pasword="secret"), "unknown key broker.pasword"),
        ):  # fmt: skip
            self.assertIn(word, self.refused(config))

    def test_what_was_given_is_not_changed(self):
        config = with_broker(tls=True)
        checked(config)
        self.assertEqual(config, with_broker(tls=True))


if __name__ == "__main__":
    unittest.main()
