"""Tell whether a machine was busy with something else during a measurement."""

import os
import resource
import time
from pathlib import Path


class Others:
    """The processor time that other programs take from now on (Linux)."""

    def __init__(self):
        self.start = _seconds()

    def share(self):
        """Return their share of the time of all processors, so far."""
        elapsed, busy, own = (
            now - then
            for now, then in zip(_seconds(), self.start, strict=True)
        )
        return max(0.0, busy - own) / (elapsed * os.cpu_count())


def _seconds():
    """Return three readings: clock, all processors busy, this program."""
    names = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    user, nice, system, _, _, *interrupts, stolen = map(int, names)
    ticks = user + nice + system + sum(interrupts) + stolen
    used = (
        resource.getrusage(who)
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    own = sum(usage.ru_utime + usage.ru_stime for usage in used)
    return time.monotonic(), ticks / os.sysconf("SC_CLK_TCK"), own
