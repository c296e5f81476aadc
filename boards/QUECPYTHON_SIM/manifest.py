# SPDX-License-Identifier: MIT
# Nothing is frozen: QuecPython can't freeze an application, so code is loaded from files here too.
# With a manifest the unix port has integer digits of 16 bits, as a module has.
