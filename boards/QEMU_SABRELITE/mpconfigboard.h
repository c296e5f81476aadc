// SPDX-License-Identifier: MIT
// What the qemu port leaves off and the agent needs. asyncio, select and threads stay off: the core must not need them.

#include <mpconfigport.h>

#undef MICROPY_PY_TIME
#define MICROPY_PY_TIME (1)

#define MICROPY_PY_HASHLIB (1)
#define MICROPY_PY_HASHLIB_SHA256 (1)
#define MICROPY_PY_CRYPTOLIB (1)
#define MICROPY_PY_CRYPTOLIB_CTR (1)

// Ctrl-C while Python runs: there is no interrupt, the VM looks at the UART now and then.
void board_poll(void);
#define MICROPY_VM_HOOK_COUNT (64)
#define MICROPY_VM_HOOK_INIT static unsigned int vm_hook = MICROPY_VM_HOOK_COUNT;
#define MICROPY_VM_HOOK_LOOP if (--vm_hook == 0) { \
        vm_hook = MICROPY_VM_HOOK_COUNT; \
        board_poll(); \
}
#define MICROPY_VM_HOOK_RETURN

void board_init(void);
#define MICROPY_PORT_INIT_FUNC board_init()
