// SPDX-License-Identifier: MIT
// The stock feature level of the unix port, as upstream's "standard" variant has it.

#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)

#include "ports/unix/variants/mpconfigvariant_common.h"

// AES in counter mode. The agent must not need it (a stock build has none); tests compare with it.
#define MICROPY_PY_CRYPTOLIB_CTR (1)
