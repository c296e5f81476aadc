# SPDX-License-Identifier: MIT
BOARD_MODULE := $(USERMOD_DIR)
SRC_USERMOD_C += $(addprefix $(BOARD_MODULE)/,boot.c time.c nor.c modem_uart.c module.c)
CFLAGS_USERMOD += -I$(BOARD_MODULE)
