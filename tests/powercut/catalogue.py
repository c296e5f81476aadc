# SPDX-License-Identifier: MIT
"""Every scenario by name."""

import agents
import little_rings
import rings
import stores

SCENARIOS = {}
for _part in (rings, little_rings, stores, agents):
    for _class in _part.ALL:
        SCENARIOS[_class.name] = _class()
