# SPDX-License-Identifier: MIT
# The agent, what it needs of the ports, and what runs at each boot.
import os

firmware = "../../firmware"
package("quell", base_path=firmware)
package("ports/at_modem", base_path=firmware)
package("ports/qemu", base_path=firmware)
shared = (
    "__init__", "block_nor", "board", "calendar", "catalogue", "console", "provision", "reasons", "settings", "shapes",
    "status", "stock_board", "traceback", "vfs_flash",
)
for name in shared:
    module("ports/" + name + ".py", base_path=firmware)
module("main.py", base_path=firmware)
freeze("modules")
freeze(os.environ["QUELL_GENERATED"])  # boards/generated.py
