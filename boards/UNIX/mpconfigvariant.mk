# SPDX-License-Identifier: MIT
FROZEN_MANIFEST ?= $(VARIANT_DIR)/manifest.py

# Its Berkeley DB is a submodule, and nothing here uses it.
MICROPY_PY_BTREE = 0
