# SPDX-License-Identifier: MIT
# As upstream's SABRELITE, plus a file system, AES, and the board's own C module (c/board).
QEMU_ARCH = arm
QEMU_MACHINE = sabrelite

CFLAGS += -mcpu=cortex-a9
# QEMU faults on unaligned access here
CFLAGS += -mno-unaligned-access
CFLAGS += -DQEMU_SOC_IMX6
CFLAGS += -DMICROPY_HW_MCU_NAME='"Cortex-A9"'
CFLAGS += -DMP_CONFIGFILE='"$(BOARD_DIR)/mpconfigboard.h"'
# really armv7a, but armv6 is the closest that mpy-cross knows
MPY_CROSS_FLAGS += -march=armv6

LDSCRIPT = $(BOARD_DIR)/sabrelite.ld
SRC_BOARD_O = shared/runtime/gchelper_generic.o
FROZEN_MANIFEST ?= $(BOARD_DIR)/manifest.py

MICROPY_HEAP_SIZE ?= 262144
MICROPY_VFS_LFS1 = 1
MICROPY_VFS_LFS2 = 1

# AES and SHA-256 alone of mbedTLS
CFLAGS += -DMICROPY_SSL_MBEDTLS=1 -I$(TOP)/lib/mbedtls/include
CFLAGS += -DMBEDTLS_CONFIG_FILE='"$(BOARD_DIR)/mbedtls_config.h"'
SRC_THIRDPARTY_C += $(addprefix lib/mbedtls/library/,aes.c sha256.c platform_util.c constant_time.c)

# c/board/boot.c: what the port's main.c, uart.c and startup.c do not do
LDFLAGS += $(addprefix -Wl$(comma)--wrap=,pyexec_friendly_repl pyexec_raw_repl uart_rx_chr exit mp_semihosting_init mp_hal_set_interrupt_char)
comma := ,
