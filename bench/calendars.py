"""How many contract deadlines one core computes per second: ``make bench-calendars``.

Real mix: every territory, three kinds of hours, budgets up to five working days, a third of the cases with pauses.
The index of each calendar year is built before the clock starts and timed apart. The answers are summed into a
checksum, so that the work cannot be skipped. The last line is one line of JSON.
"""

import hashlib
import json
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cadran.kernel.calendars import (
    ALWAYS,
    HO,
    WIFI_8_18_6_7,
    Calendar,
    PauseLike,
    Territory,
    deadline,
    elapsed,
    explain,
)

CASES = 60_000
EXPLAINED = 3_000
SEED = 20260605
FLOOR_PER_S = 20_000

Case = tuple[datetime, int, Calendar, list[PauseLike]]


def cases(calendars: list[Calendar]) -> list[Case]:
    """Return the same random cases at every run."""
    draw = random.Random(SEED)
    first = datetime(2025, 1, 1, tzinfo=UTC)
    made: list[Case] = []
    for _ in range(CASES):
        start = first + timedelta(minutes=draw.randrange(2 * 525_600))
        pauses: list[PauseLike] = []
        if draw.random() < 1 / 3:
            for _ in range(draw.randint(1, 3)):
                begin = start + timedelta(minutes=draw.randrange(4_000))
                pauses.append((begin, begin + timedelta(minutes=draw.randrange(1, 2_000))))
        made.append((start, draw.choice([60, 240, 480, 720, 1440, 3000]), draw.choice(calendars), pauses))
    return made


def rate(work: Callable[[], int], count: int) -> float:
    """Return how many of ``count`` are done per second of this process's CPU, best of three."""
    best = 0.0
    for _ in range(3):
        began = time.process_time()
        work()
        best = max(best, count / (time.process_time() - began))
    return best


def additions() -> int:
    """Yardstick: adding minutes to a datetime, what a clock without a calendar would do."""
    at, step = datetime(2025, 1, 1, tzinfo=UTC), timedelta(minutes=60)
    for _ in range(1_000_000):
        at + step
    return 1_000_000


def main() -> None:
    """Measure and print."""
    calendars = [Calendar.of(hours, territory) for hours in (HO, ALWAYS, WIFI_8_18_6_7) for territory in Territory]
    began = time.process_time()
    built = sum(len(calendar.timeline.year(year).opens) > 0 for calendar in calendars for year in (2025, 2026, 2027))
    index_ms = 1000 * (time.process_time() - began) / built
    work = cases(calendars)
    checksum = hashlib.sha256()
    for case in work:
        checksum.update(deadline(*case).isoformat().encode())

    def deadlines() -> int:
        for start, minutes, calendar, pauses in work:
            deadline(start, minutes, calendar, pauses)
        return CASES

    def spans() -> int:
        for start, minutes, calendar, pauses in work:
            elapsed(start, start + timedelta(minutes=minutes), calendar, pauses)
        return CASES

    def explanations() -> int:
        for start, minutes, calendar, pauses in work[:EXPLAINED]:
            explain(start, minutes, calendar, pauses)
        return EXPLAINED

    block = bytes(1_000_000)
    figures = {
        "deadlines_per_s": round(rate(deadlines, CASES)),
        "elapsed_per_s": round(rate(spans, CASES)),
        "explanations_per_s": round(rate(explanations, EXPLAINED)),
        "year_index_ms": round(index_ms, 2),
        "cases": CASES,
        "checksum": checksum.hexdigest()[:16],
    }
    yardsticks = {
        "datetime_additions_per_s": round(rate(additions, 1_000_000)),
        "sha256_mb_per_s": round(rate(lambda: len([hashlib.sha256(block).digest() for _ in range(200)]), 200)),
        "floor_deadlines_per_s": FLOOR_PER_S,
    }
    print(f"{CASES} deadlines over {len(calendars)} calendars, seed {SEED}, one core, CPU time, best of three")
    for name, value in (figures | yardsticks).items():
        print(f"  {name:<26}{value:>18}")
    print(json.dumps({"bench": "calendars", "figures": figures, "yardsticks": yardsticks}))


if __name__ == "__main__":
    main()
