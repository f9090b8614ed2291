"""The clocks of this machine, and by how much each of them advanced. Some stop while the machine sleeps."""

import time

# Linux: MONOTONIC stops in sleep, BOOTTIME goes on. macOS: UPTIME_RAW stops, MONOTONIC goes on.
_NAMES = ("CLOCK_REALTIME", "CLOCK_MONOTONIC", "CLOCK_MONOTONIC_RAW", "CLOCK_UPTIME_RAW", "CLOCK_BOOTTIME")


def now() -> dict[str, float]:
    """Every clock that is there, in seconds; ``python`` is ``time.monotonic``."""
    there = {name: getattr(time, name) for name in _NAMES if hasattr(time, name)}
    return {"python": time.monotonic(), **{name: time.clock_gettime(clock) for name, clock in there.items()}}


def advanced(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """By how many seconds each clock advanced."""
    return {name: round(after[name] - before[name], 3) for name in before if name in after}


def asleep_s(change: dict[str, float]) -> float:
    """How long the machine slept, in seconds: what real time has and a clock that stops in sleep has not."""
    stopping = "CLOCK_UPTIME_RAW" if "CLOCK_UPTIME_RAW" in change else "CLOCK_MONOTONIC"
    return change["CLOCK_REALTIME"] - change[stopping]
