# SPDX-License-Identifier: MIT
"""A simulated Quectel LTE modem: AT commands on a line, a real MQTT broker behind them. Starts in `serve`."""
