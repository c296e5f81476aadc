// SPDX-License-Identifier: MIT
// board.ModemUart: the second serial port (UART2, IMX6DQRM chapter 64), where a modem sits. Nothing here waits for long.

#include "board.h"
#include "py/runtime.h"

#define URXD REG32(0x021e8000)
#define UTXD REG32(0x021e8040)
#define UCR1 REG32(0x021e8080)
#define UCR2 REG32(0x021e8084)
#define UTS REG32(0x021e80b4)
#define UCR1_UARTEN (1 << 0)
#define UCR2_SRST_RX_TX_CTSC (1 | 2 | 4)
#define UTS_RXEMPTY (1 << 5)
#define UTS_TXFULL (1 << 4)
#define NEXT_BYTE_US (500) // QEMU holds one byte at a time; the next of a burst is there soon

static mp_obj_t make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 0, 0, false);
    (void)args;
    UCR1 = UCR1_UARTEN;
    UCR2 = UCR2_SRST_RX_TX_CTSC;
    mp_obj_base_t *self = mp_obj_malloc(mp_obj_base_t, type);
    return MP_OBJ_FROM_PTR(self);
}

// read(n) -> bytes that are here, at most n; None when there are none. As machine.UART's.
static mp_obj_t read(mp_obj_t self, mp_obj_t most) {
    (void)self;
    mp_int_t n = mp_obj_get_int(most);
    if (n < 1 || UTS & UTS_RXEMPTY) {
        return mp_const_none;
    }
    vstr_t out;
    vstr_init(&out, n < 64 ? n : 64);
    uint64_t until = board_time_us() + NEXT_BYTE_US;
    while (out.len < (size_t)n && board_time_us() < until) {
        if (!(UTS & UTS_RXEMPTY)) {
            vstr_add_byte(&out, URXD);
            until = board_time_us() + NEXT_BYTE_US;
        }
    }
    return mp_obj_new_bytes_from_vstr(&out);
}
static MP_DEFINE_CONST_FUN_OBJ_2(read_obj, read);

// write(data) -> bytes written: all.
static mp_obj_t write(mp_obj_t self, mp_obj_t data) {
    (void)self;
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(data, &buffer, MP_BUFFER_READ);
    for (size_t i = 0; i < buffer.len; ++i) {
        while (UTS & UTS_TXFULL) {
        }
        UTXD = ((const uint8_t *)buffer.buf)[i];
    }
    return MP_OBJ_NEW_SMALL_INT(buffer.len);
}
static MP_DEFINE_CONST_FUN_OBJ_2(write_obj, write);

static const mp_rom_map_elem_t locals_table[] = {
    {MP_ROM_QSTR(MP_QSTR_read), MP_ROM_PTR(&read_obj)},
    {MP_ROM_QSTR(MP_QSTR_write), MP_ROM_PTR(&write_obj)},
};
static MP_DEFINE_CONST_DICT(locals, locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    board_modem_uart_type, MP_QSTR_ModemUart, MP_TYPE_FLAG_NONE, make_new, make_new, locals_dict, &locals
    );
