"""The unix port: MicroPython on Linux, files, sockets and umqtt.simple."""
