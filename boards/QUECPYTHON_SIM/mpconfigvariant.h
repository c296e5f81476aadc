// SPDX-License-Identifier: MIT
// The unix port cut down to what shipping QuecPython has: MicroPython 1.13 with Quectel's choice of features. Where
// the name of an option changed since 1.13, it is today's. `README.md` says what this build cannot imitate.

#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)

#include "ports/unix/variants/mpconfigvariant_common.h"

// Syntax that came after 1.13, and builtins that Quectel leaves out.
#define MICROPY_PY_FSTRINGS (0)
#define MICROPY_PY_BUILTINS_REVERSED (0)
#define MICROPY_PY_BUILTINS_FROZENSET (0)
#define MICROPY_PY_BUILTINS_NEXT2 (0)
#define MICROPY_PY_BUILTINS_DICT_FROMKEYS (0)
#define MICROPY_PY_BUILTINS_MEMORYVIEW_ITEMSIZE (0)
#define MICROPY_PY_BUILTINS_STR_UNICODE (0)
#define MICROPY_PY_BUILTINS_STR_CENTER (0)
#define MICROPY_PY_BUILTINS_STR_PARTITION (0)
#define MICROPY_PY_BUILTINS_STR_SPLITLINES (0)
#define MICROPY_PY_DELATTR_SETATTR (0)
#define MICROPY_PY_DESCRIPTORS (0)
#define MICROPY_PY_FUNCTION_ATTRS (0)
#define MICROPY_MODULE_GETATTR (0)
#define MICROPY_PY_ARRAY_SLICE_ASSIGN (0)
#define MICROPY_PY_BUILTINS_RANGE_BINOP (0)
#define MICROPY_PY_ALL_INPLACE_SPECIAL_METHODS (0)
#define MICROPY_PY_REVERSE_SPECIAL_METHODS (0)
#define MICROPY_PY_BUILTINS_EXECFILE (1)

// Modules, and parts of modules.
#define MICROPY_PY_ASYNCIO (0)
#define MICROPY_PY_HEAPQ (0)
#define MICROPY_PY_MARSHAL (0)
#define MICROPY_PY_FRAMEBUF (0)
#define MICROPY_PY_PLATFORM (0)
#define MICROPY_PY_MICROPYTHON_RINGIO (0)
#define MICROPY_PY_COLLECTIONS_ORDEREDDICT (0)
#define MICROPY_PY_COLLECTIONS_DEQUE_ITER (0)
#define MICROPY_PY_COLLECTIONS_DEQUE_SUBSCR (0)
#define MICROPY_PY_RE_SUB (0)
#define MICROPY_PY_RE_MATCH_GROUPS (0)
#define MICROPY_PY_RE_MATCH_SPAN_START_END (0)
#define MICROPY_PY_RE_DEBUG (0)
#define MICROPY_PY_JSON_SEPARATORS (0)
#define MICROPY_PY_BINASCII_CRC32 (0)
#define MICROPY_PY_ERRNO_ERRORCODE (0)
#define MICROPY_PY_MATH_ISCLOSE (0)
#define MICROPY_PY_MATH_FACTORIAL (0)
#define MICROPY_PY_MATH_SPECIAL_FUNCTIONS (0)
#define MICROPY_PY_COLLECTIONS_NAMEDTUPLE__ASDICT (0)
#define MICROPY_PY_SYS_PS1_PS2 (0)
#define MICROPY_PY_SYS_TRACEBACKLIMIT (0)
#define MICROPY_PY_SYS_INTERN (0)
#undef MICROPY_PY_SYS_EXC_INFO
#define MICROPY_PY_SYS_EXC_INFO (0)
#undef MICROPY_PY_SYS_ATEXIT
#define MICROPY_PY_SYS_ATEXIT (0)
#undef MICROPY_PY_WEBSOCKET
#define MICROPY_PY_WEBSOCKET (0)

// Quectel has these, a stock build has not.
#define MICROPY_PY_CRYPTOLIB_CTR (1)
#define MICROPY_PY_CRYPTOLIB_CONSTS (1)

// A stream that has nothing to give raises OSError(EAGAIN): it does not return None.
#define MICROPY_STREAMS_NON_BLOCK (0)

// No code for the processor: the real emitters are for another one.
#define MICROPY_EMIT_X64 (0)
#define MICROPY_EMIT_X86 (0)
#define MICROPY_EMIT_THUMB (0)
#define MICROPY_EMIT_ARM (0)

// `random` begins with the same numbers at each start, as on a module.
#undef MICROPY_PY_RANDOM_SEED_INIT_FUNC

// Threads take turns, as on a module: the unix port's run at the same time. Then Ctrl-C has to wait for the VM.
#undef MICROPY_PY_THREAD_GIL
#define MICROPY_PY_THREAD_GIL (1)
#define MICROPY_PY_THREAD_RECURSIVE_MUTEX (1)
#define MICROPY_PY_THREAD_GIL_VM_DIVISOR (32)
#undef MICROPY_ASYNC_KBD_INTR
#define MICROPY_ASYNC_KBD_INTR (0)
#define MICROPY_SCHEDULER_DEPTH (64)
