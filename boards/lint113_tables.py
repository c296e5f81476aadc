# SPDX-License-Identifier: MIT
"""Names that MicroPython 1.13 with QuecPython's choice of features lacks: tables for lint113.py.

Found by asking the interpreter (`hasattr`, a call) and, for what only Quectel leaves out, in its `mpconfigport.h`.
"""

SYNTAX = "refused by mpy-cross 1.13"
TRIED = "tried on MicroPython 1.13 with QuecPython's features"
CONFIG = "mpconfigport.h of QuecPython's public source, 2021-12"
DOCS = "Quectel's documentation"

BUILTINS = {
    "BlockingIOError", "BrokenPipeError", "BufferError", "ConnectionAbortedError", "ConnectionError",
    "ConnectionRefusedError", "ConnectionResetError", "EnvironmentError", "ExceptionGroup", "FileExistsError",
    "FileNotFoundError", "FloatingPointError", "IOError", "InterruptedError", "IsADirectoryError",
    "ModuleNotFoundError", "NotADirectoryError", "PermissionError", "ProcessLookupError", "RecursionError",
    "ReferenceError", "SystemError", "UnboundLocalError", "UnicodeDecodeError", "UnicodeEncodeError", "UnicodeError",
    "Warning", "aiter", "anext", "ascii", "breakpoint", "exit", "format", "frozenset", "quit", "reversed", "vars",
}  # fmt: skip

# of str, bytes, int and dict; names that nothing else is likely to have
METHODS = {
    "as_integer_ratio", "bit_count", "bit_length", "capitalize", "casefold", "center", "expandtabs", "format_map",
    "fromhex", "fromkeys", "hex", "hexdigest", "is_integer", "isalnum", "isascii", "isdecimal", "isidentifier",
    "isnumeric", "isprintable", "istitle", "ljust", "maketrans", "partition", "removeprefix", "removesuffix", "rjust",
    "rpartition", "splitlines", "swapcase", "title", "tobytes", "tolist", "toreadonly", "translate", "zfill",
}  # fmt: skip

# bytes has them, bytearray has not
BYTEARRAY_METHODS = {
    "clear", "copy", "count", "endswith", "find", "index", "insert", "isalpha", "isdigit", "islower", "isspace",
    "isupper", "join", "lower", "lstrip", "pop", "remove", "replace", "reverse", "rfind", "rindex", "rsplit", "rstrip",
    "split", "startswith", "strip", "upper",
}  # fmt: skip

# functions and methods that take no keyword
NO_KEYWORDS = {
    "to_bytes", "from_bytes", "split", "rsplit", "decode", "encode", "sha256", "hexlify", "unhexlify", "b2a_base64",
    "a2b_base64", "dumps", "loads", "zip", "sum", "int", "str", "bytes", "bytearray",
}  # fmt: skip

# (module, name), under the module's name with and without `u`
ATTRIBUTES = {
    ("sys", "exc_info"), ("sys", "atexit"), ("sys", "getsizeof"), ("sys", "intern"), ("sys", "settrace"),
    ("os", "sync"), ("os", "path"), ("os", "environ"), ("re", "sub"), ("re", "findall"), ("re", "fullmatch"),
    ("binascii", "crc32"), ("collections", "OrderedDict"), ("collections", "defaultdict"), ("collections", "Counter"),
    ("struct", "iter_unpack"), ("math", "isclose"), ("micropython", "heap_locked"), ("hashlib", "new"),
    ("hashlib", "sha512"), ("io", "BufferedWriter"), ("zlib", "compress"), ("zlib", "crc32"), ("time", "monotonic"),
    ("time", "strftime"), ("time", "time_ns"), ("random", "SystemRandom"),
}  # fmt: skip

# modules that are there under `u` and their name alone: weak links are off
U_NAMES = {
    "array", "binascii", "collections", "cryptolib", "ctypes", "errno", "hashlib", "io", "json", "os", "random", "re",
    "select", "socket", "ssl", "struct", "sys", "time", "zlib",
}  # fmt: skip

NO_MODULES = {
    "abc", "argparse", "asyncio", "contextlib", "copy", "dataclasses", "datetime", "deflate", "enum", "functools",
    "heapq", "itertools", "logging", "pathlib", "secrets", "string", "tempfile", "threading", "types", "typing",
    "uasyncio", "uheapq", "vfs", "warnings",
}  # fmt: skip

# special methods that are never called there
HOOKS = {
    "__setattr__", "__delattr__", "__get__", "__set__", "__delete__", "__set_name__", "__init_subclass__",
    "__class_getitem__", "__getattribute__", "__index__", "__bytes__", "__format__", "__missing__", "__reversed__",
}  # fmt: skip
_BINARY = ("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "divmod", "pow", "and", "or", "xor")
HOOKS |= {f"__r{name}__" for name in (*_BINARY, "lshift", "rshift")}
HOOKS |= {f"__i{name}__" for name in (*_BINARY[2:], "lshift", "rshift")}  # all but __iadd__ and __isub__

MATCH_METHODS = {"groups", "span", "start", "end"}
NATIVE = {"native", "viper", "asm_thumb", "asm_xtensa", "asm_rv32"}
