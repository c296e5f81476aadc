// SPDX-License-Identifier: MIT
// board.Nor: the SST25VF016B on eCSPI1 as a block device of 4 KiB sectors, with the extended protocol.
// Commands are those of its data sheet (S71271): 4 KiB sector erase, one byte or AAI words to program; no page program.

#include <string.h>

#include "board.h"
#include "py/mperrno.h"
#include "py/runtime.h"

#define ECSPI_RX REG32(0x02008000) // IMX6DQRM chapter 21
#define ECSPI_TX REG32(0x02008004)
#define ECSPI_CON REG32(0x02008008)
#define ECSPI_STAT REG32(0x02008018)
#define CON_EN (1 << 0)
#define CON_SMC (1 << 3) // a write to TX starts the transfer
#define CON_MASTER (1 << 4)
#define CON_BURST_8_BITS (7 << 20)
#define STAT_RR (1 << 3)
#define GPIO3_DR REG32(0x020a4000)
#define GPIO3_GDIR REG32(0x020a4004)
#define CHIP_SELECT (1 << 19)

#define WRITE_STATUS (0x01)
#define BYTE_PROGRAM (0x02)
#define READ (0x03)
#define WRITE_DISABLE (0x04)
#define READ_STATUS (0x05)
#define WRITE_ENABLE (0x06)
#define SECTOR_ERASE (0x20)
#define JEDEC_ID (0x9f)
#define AAI_WORD_PROGRAM (0xad)
#define STATUS_BUSY (1 << 0)
#define BUSY_MAX_US (100000) // a sector erase takes 25 ms at most

#define SECTOR_BYTES (4096)
#define SECTORS (512)

static void select_chip(bool yes) {
    GPIO3_DR = yes ? GPIO3_DR & ~CHIP_SELECT : GPIO3_DR | CHIP_SELECT;
}

static uint8_t transfer(uint8_t out) {
    ECSPI_TX = out;
    while (!(ECSPI_STAT & STAT_RR)) {
    }
    return ECSPI_RX;
}

static void send_address(uint32_t address) {
    transfer(address >> 16);
    transfer(address >> 8);
    transfer(address);
}

static void command(uint8_t code) {
    select_chip(true);
    transfer(code);
    select_chip(false);
}

static uint8_t register_of(uint8_t code) {
    select_chip(true);
    transfer(code);
    uint8_t value = transfer(0);
    select_chip(false);
    return value;
}

static int wait_ready(void) {
    uint64_t until = board_time_us() + BUSY_MAX_US;
    while (register_of(READ_STATUS) & STATUS_BUSY) {
        if (board_time_us() > until) {
            return -MP_EIO;
        }
    }
    return 0;
}

static void read(uint32_t address, uint8_t *into, size_t length) {
    select_chip(true);
    transfer(READ);
    send_address(address);
    for (size_t i = 0; i < length; ++i) {
        into[i] = transfer(0);
    }
    select_chip(false);
}

static int program_byte(uint32_t address, uint8_t value) {
    command(WRITE_ENABLE);
    select_chip(true);
    transfer(BYTE_PROGRAM);
    send_address(address);
    transfer(value);
    select_chip(false);
    return wait_ready();
}

// Auto address increment: the address goes with the first word alone; WRITE_DISABLE ends it.
static int program_words(uint32_t address, const uint8_t *data, size_t words) {
    command(WRITE_ENABLE);
    int status = 0;
    for (size_t i = 0; i < words && status == 0; ++i) {
        select_chip(true);
        transfer(AAI_WORD_PROGRAM);
        if (i == 0) {
            send_address(address);
        }
        transfer(data[2 * i]);
        transfer(data[2 * i + 1]);
        select_chip(false);
        status = wait_ready();
    }
    command(WRITE_DISABLE);
    return status;
}

static int program(uint32_t address, const uint8_t *data, size_t length) {
    int status = 0;
    if (length && address & 1) {
        status = program_byte(address++, *data++);
        --length;
    }
    if (status == 0 && length >= 2) {
        status = program_words(address, data, length / 2);
    }
    if (status == 0 && length & 1) {
        status = program_byte(address + length - 1, data[length - 1]);
    }
    return status;
}

static int erase(uint32_t address) {
    command(WRITE_ENABLE);
    select_chip(true);
    transfer(SECTOR_ERASE);
    send_address(address);
    select_chip(false);
    return wait_ready();
}

typedef struct {
    mp_obj_base_t base;
    uint32_t first, count; // sectors
} nor_t;

// Nor(first=0, count=all): some sectors of the chip. OSError ENODEV when another chip, or none, is there.
static mp_obj_t make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 0, 2, false);
    mp_int_t first = n_args > 0 ? mp_obj_get_int(args[0]) : 0;
    mp_int_t count = n_args > 1 ? mp_obj_get_int(args[1]) : SECTORS - first;
    if (first < 0 || count < 1 || first + count > SECTORS) {
        mp_raise_ValueError(MP_ERROR_TEXT("no such sectors"));
    }
    GPIO3_GDIR |= CHIP_SELECT;
    select_chip(false);
    ECSPI_CON = CON_EN | CON_SMC | CON_MASTER | CON_BURST_8_BITS;
    static const uint8_t expected[3] = {0xbf, 0x25, 0x41};
    uint8_t id[3];
    select_chip(true);
    transfer(JEDEC_ID);
    for (int i = 0; i < 3; ++i) {
        id[i] = transfer(0);
    }
    select_chip(false);
    if (memcmp(id, expected, sizeof(id)) != 0) {
        mp_raise_OSError(MP_ENODEV);
    }
    command(WRITE_DISABLE); // ends an AAI sequence that a reset interrupted
    command(WRITE_ENABLE);
    select_chip(true);
    transfer(WRITE_STATUS); // every block is protected when the power comes
    transfer(0);
    select_chip(false);
    nor_t *self = mp_obj_malloc(nor_t, type);
    self->first = first;
    self->count = count;
    return MP_OBJ_FROM_PTR(self);
}

// The address of an access, or OSError EINVAL when it is outside of the block or of the partition.
static uint32_t place(const nor_t *self, size_t n_args, const mp_obj_t *args, size_t length) {
    mp_int_t block = mp_obj_get_int(args[1]);
    mp_int_t offset = n_args > 3 ? mp_obj_get_int(args[3]) : 0;
    if (block < 0 || offset < 0) {
        mp_raise_OSError(MP_EINVAL);
    }
    uint32_t start = (uint32_t)block * SECTOR_BYTES + offset;
    if ((uint32_t)block >= self->count || start + length > self->count * SECTOR_BYTES) {
        mp_raise_OSError(MP_EINVAL);
    }
    return self->first * SECTOR_BYTES + start;
}

static mp_obj_t readblocks(size_t n_args, const mp_obj_t *args) {
    nor_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(args[2], &buffer, MP_BUFFER_WRITE);
    read(place(self, n_args, args, buffer.len), buffer.buf, buffer.len);
    return MP_OBJ_NEW_SMALL_INT(0);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(readblocks_obj, 3, 4, readblocks);

// Without an offset the block is erased first, as the simple protocol has it.
static mp_obj_t writeblocks(size_t n_args, const mp_obj_t *args) {
    nor_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(args[2], &buffer, MP_BUFFER_READ);
    uint32_t address = place(self, n_args, args, buffer.len);
    int status = 0;
    for (uint32_t at = 0; n_args == 3 && status == 0 && at < buffer.len; at += SECTOR_BYTES) {
        status = erase(address + at);
    }
    return MP_OBJ_NEW_SMALL_INT(status ? status : program(address, buffer.buf, buffer.len));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(writeblocks_obj, 3, 4, writeblocks);

static mp_obj_t ioctl(mp_obj_t self_in, mp_obj_t operation, mp_obj_t argument) {
    nor_t *self = MP_OBJ_TO_PTR(self_in);
    switch (mp_obj_get_int(operation)) {
        case 1: // init
        case 2: // shutdown
        case 3: // sync
            return MP_OBJ_NEW_SMALL_INT(0);
        case 4:
            return MP_OBJ_NEW_SMALL_INT(self->count);
        case 5:
            return MP_OBJ_NEW_SMALL_INT(SECTOR_BYTES);
        case 6: {
            mp_obj_t args[] = {self_in, argument};
            return MP_OBJ_NEW_SMALL_INT(erase(place(self, 2, args, SECTOR_BYTES)));
        }
        default:
            return mp_const_none;
    }
}
static MP_DEFINE_CONST_FUN_OBJ_3(ioctl_obj, ioctl);

static const mp_rom_map_elem_t locals_table[] = {
    {MP_ROM_QSTR(MP_QSTR_readblocks), MP_ROM_PTR(&readblocks_obj)},
    {MP_ROM_QSTR(MP_QSTR_writeblocks), MP_ROM_PTR(&writeblocks_obj)},
    {MP_ROM_QSTR(MP_QSTR_ioctl), MP_ROM_PTR(&ioctl_obj)},
};
static MP_DEFINE_CONST_DICT(locals, locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    board_nor_type, MP_QSTR_Nor, MP_TYPE_FLAG_NONE, make_new, make_new, locals_dict, &locals
    );
