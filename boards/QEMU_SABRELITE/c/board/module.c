// SPDX-License-Identifier: MIT
// The module `board` as Python sees it.

#include "board.h"
#include "py/runtime.h"

static const mp_rom_map_elem_t globals_table[] = {
    {MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_board)},
    {MP_ROM_QSTR(MP_QSTR_Nor), MP_ROM_PTR(&board_nor_type)},
    {MP_ROM_QSTR(MP_QSTR_ModemUart), MP_ROM_PTR(&board_modem_uart_type)},
};
static MP_DEFINE_CONST_DICT(globals, globals_table);

const mp_obj_module_t board_module = {
    .base = {&mp_type_module},
    .globals = (mp_obj_dict_t *)&globals,
};

MP_REGISTER_MODULE(MP_QSTR_board, board_module);
