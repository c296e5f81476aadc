# SPDX-License-Identifier: MIT
"""QuecPython's own modules, imitated from their documentation; qpysim.imports hands them to a script."""
