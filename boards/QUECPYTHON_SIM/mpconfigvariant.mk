# SPDX-License-Identifier: MIT
FROZEN_MANIFEST ?= $(VARIANT_DIR)/manifest.py

# Its Berkeley DB is a submodule, and nothing here uses it.
MICROPY_PY_BTREE = 0

# Quectel's TLS sockets show the other side's certificate (getpeercert).
CFLAGS_EXTRA += -DMBEDTLS_SSL_KEEP_PEER_CERTIFICATE

# The second program: what divides integers is led through no_division.c. The objects are those of the first.
ifeq ($(PROG),micropython-nodiv)
LDFLAGS_EXTRA += -Wl,--wrap=mpz_divmod_inpl -Wl,--wrap=mpz_pow3_inpl
LDFLAGS_EXTRA += -Wl,--wrap=mp_small_int_floor_divide -Wl,--wrap=mp_small_int_modulo
endif
