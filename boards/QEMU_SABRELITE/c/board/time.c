// SPDX-License-Identifier: MIT
// Time from the general purpose timer (IMX6DQRM chapter 30), and the waits that MicroPython asks the port for.

#include "board.h"
#include "py/mphal.h"
#include "py/runtime.h"

#define GPT_CR REG32(0x02098000)
#define GPT_PR REG32(0x02098004)
#define GPT_CNT REG32(0x02098024)
#define CR_EN (1 << 0)
#define CR_CLKSRC_IPG (1 << 6)
#define CR_FRR (1 << 9) // count on after a compare
#define IPG_MHZ (66)

static uint32_t last;
static uint64_t past;

void board_time_start(void) {
    if (GPT_CR & CR_EN) {
        return; // a soft reset: time goes on
    }
    GPT_PR = IPG_MHZ - 1;
    GPT_CR = CR_CLKSRC_IPG | CR_FRR | CR_EN;
}

uint64_t board_time_us(void) {
    uint32_t now = GPT_CNT;
    if (now < last) {
        past += (uint64_t)1 << 32;
    }
    last = now;
    return past + now;
}

mp_uint_t mp_hal_ticks_us(void) {
    return board_time_us();
}

mp_uint_t mp_hal_ticks_ms(void) {
    return board_time_us() / 1000;
}

mp_uint_t mp_hal_ticks_cpu(void) {
    return board_time_us();
}

uint64_t mp_hal_time_ns(void) {
    return board_time_us() * 1000; // since the boot: this board has no clock of the day
}

void mp_hal_delay_us(mp_uint_t us) {
    uint64_t until = board_time_us() + us;
    while (board_time_us() < until) {
    }
}

void mp_hal_delay_ms(mp_uint_t ms) {
    uint64_t until = board_time_us() + (uint64_t)ms * 1000;
    do {
        board_poll();
        mp_handle_pending(true);
    } while (board_time_us() < until);
}
