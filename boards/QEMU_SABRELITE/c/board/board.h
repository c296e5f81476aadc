// SPDX-License-Identifier: MIT
// The module `board`: what this board has beside the stock port. i.MX 6Dual/6Quad Reference Manual (IMX6DQRM).

#ifndef QUELL_BOARD_H
#define QUELL_BOARD_H

#include <stdint.h>

#include "py/obj.h"

#define REG32(address) (*(volatile uint32_t *)(address))

extern const mp_obj_type_t board_nor_type;
extern const mp_obj_type_t board_modem_uart_type;

// Microseconds since the timer was started, over the wraps of its 32 bits. Call it at least once an hour.
uint64_t board_time_us(void);
void board_time_start(void);

#endif
