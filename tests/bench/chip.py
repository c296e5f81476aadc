# SPDX-License-Identifier: MIT
"""How a simulated NOR chip wears: what a run did to it, and the years of SPEC §12. On MicroPython."""

from quell.counters import BUFFER_LOST, FLASH_FAILED, FLUSH_REFUSED, SECTOR_RETIRED, UNREADABLE

BLOCKS = 64  # 256 KiB
ENDURANCE = 100000  # erases of a block, by the data sheets
DAY_S = 86400
RECORD_EVERY_S = 10
LEAST_ERASES = 10  # of the hottest block: with fewer its share is no measurement


class Meter:
    """What happens to the chip `nor` from now on."""

    def __init__(self, nor):
        self._nor = nor
        self._before = list(nor.wear)
        nor.reset_counters()

    def wear(self):
        """Erases of each block."""
        return [now - before for now, before in zip(self._nor.wear, self._before)]

    def years(self, days):
        """Until the hottest block has ENDURANCE erases, if all days are as these; None after too few erases."""
        hottest = max(self.wear())
        return ENDURANCE * days / hottest / 365 if hottest >= LEAST_ERASES else None

    def per_record(self, records, record_bytes):
        """What `records` of `record_bytes` cost; years for one each RECORD_EVERY_S."""
        nor, wear = self._nor, self.wear()
        return {
            "records": records,
            "programmed_per_payload_byte": nor.programmed_bytes / records / record_bytes,
            "programs_per_record": nor.programs / records,
            "erases_per_record": nor.erases / records,
            "hottest_share": max(wear) / nor.erases,
            "wear_spread": max(wear) - min(wear),
            "years": self.years(records * RECORD_EVERY_S / DAY_S),
        }


def sound(counters):
    """Raise RuntimeError if the store failed at something: its figures would then be of another work."""
    for reason in (BUFFER_LOST, FLASH_FAILED, FLUSH_REFUSED, SECTOR_RETIRED, UNREADABLE):
        if counters.get(reason):
            raise RuntimeError("reason %d" % reason)
