// SPDX-License-Identifier: MIT
// The port's main.c goes straight to the REPL. A board runs _boot and main.py first, can be stopped by Ctrl-C, and
// resets. Its sources stay as they are: the linker leads what they call of these names here (--wrap).

#include <stdbool.h>
#include <stdlib.h>

#include "board.h"
#include "py/builtin.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "py/stackctrl.h"
#include "shared/runtime/interrupt_char.h"
#include "shared/runtime/pyexec.h"
#include "ports/qemu/uart.h"

#define WDOG1_WCR (*(volatile uint16_t *)(0x020bc000)) // IMX6DQRM chapter 70
#define WCR_WDE (1 << 2)
#define STACK_BYTES (32 * 1024) // half of what a module gives to Python
#define LOCK_FILE "/usr/quell.lock" // as ports/board.py has it
#define CTRL_C 3
#define RESTART_AFTER_MS 5000

int __real_uart_rx_chr(void);
int __real_pyexec_friendly_repl(void);
int __real_pyexec_raw_repl(void);
void __real_mp_hal_set_interrupt_char(int c);

static bool booted;
static bool no_ctrl_c; // the next part of the boot is not to be stopped from the port
static uint8_t typed[256]; // what came while Python ran
static unsigned int typed_in, typed_out;

void board_init(void) {
    mp_stack_set_limit(STACK_BYTES);
    board_time_start();
    booted = false;
}

void board_poll(void) {
    board_time_us();
    while (typed_in - typed_out < sizeof(typed)) { // a full buffer waits in the UART
        int c = __real_uart_rx_chr();
        if (c == UART_RX_NO_CHAR) {
            return;
        }
        if (c == mp_interrupt_char) {
            mp_sched_keyboard_interrupt();
        } else {
            typed[typed_in++ % sizeof(typed)] = c;
        }
    }
}

int __wrap_uart_rx_chr(void) {
    if (typed_out != typed_in) {
        return typed[typed_out++ % sizeof(typed)];
    }
    return __real_uart_rx_chr();
}

// Each part that is run turns Ctrl-C on as it begins: that is left out once.
void __wrap_mp_hal_set_interrupt_char(int c) {
    if (no_ctrl_c && c == CTRL_C) {
        no_ctrl_c = false;
        return;
    }
    __real_mp_hal_set_interrupt_char(c);
}

// As any board: _boot always, main.py unless somebody came for the raw REPL. A locked board never leaves here.
static void boot(void) {
    if (booted) {
        return;
    }
    booted = true;
    mp_hal_set_interrupt_char(-1);
    no_ctrl_c = true;
    pyexec_frozen_module("_boot.py", false);
    bool locked = mp_import_stat(LOCK_FILE) == MP_IMPORT_STAT_FILE;
    no_ctrl_c = locked;
    if (locked || pyexec_mode_kind == PYEXEC_MODE_FRIENDLY_REPL) {
        pyexec_file_if_exists("main.py");
    }
    no_ctrl_c = false;
    if (locked) {
        mp_hal_delay_ms(RESTART_AFTER_MS);
        exit(0);
    }
}

int __wrap_pyexec_friendly_repl(void) {
    boot();
    return __real_pyexec_friendly_repl();
}

int __wrap_pyexec_raw_repl(void) {
    boot();
    return __real_pyexec_raw_repl();
}

// Semihosting would give the firmware the host's files, and the host needs an option to start it without.
void __wrap_mp_semihosting_init(void) {
}

void __wrap_exit(int status) {
    (void)status;
    WDOG1_WCR = WCR_WDE; // SRS is 0: reset now
    for (;;) {
    }
}
