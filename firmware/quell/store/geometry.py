# SPDX-License-Identifier: MIT
"""How the flash is shared out among purposes (SPEC §10). Host and device compute the same from the policy."""


def shares(weights, units, least):
    """Segments or sectors for each purpose -> {purpose: units}, or None when they do not fit.

    `weights`: [(purpose, weight 1…100)…]; `units`: all that there are; `least`: what each purpose needs. What is
    left after that goes by weight, rounded down, and the remainder one by one to the heaviest, the lowest id first.
    """
    rest = units - least * len(weights)
    if rest < 0:
        return None
    total = sum([weight for _, weight in weights])
    out = {}
    for purpose, weight in weights:
        out[purpose] = least + rest * weight // total  # 1.13: weights and blocks are small
    heaviest = sorted([(-weight, purpose) for purpose, weight in weights])
    for i in range(units - sum(out.values())):
        out[heaviest[i][1]] += 1
    return out
