"""Any stock MicroPython board with a Quectel modem on a UART."""
