"""Which minutes are open, in Python's zoneinfo; judges offhook::rules. Knows nothing of its code.

Reads {"zones": [...], "patterns": [{"mon": ["09:00-17:30"], ...}, ...]} and writes, little-endian:
the release of the zone data (5 bytes); then for each zone
  u32 changes, each i64 second, i32 offset before, i32 offset after;
  u32 spans, each u32 first minute, u32 minute after the last, in minutes since 1970;
  for each pattern and each span: u32 runs, each u32 first open minute, u32 first closed minute after it.
The spans are two days on either side of every change of the clock, and one more week of each year.
"""

import functools
import json
import random
import struct
import sys
import zoneinfo
from datetime import datetime, timezone
from importlib import resources

import tzdata

FIRST_YEAR, LAST_YEAR = 2020, 2040
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAY, WEEK = 1440, 7 * 1440
HALF_DAY_S = 12 * 3600


def year_begins(year):
    return int(datetime(year, 1, 1, tzinfo=timezone.utc).timestamp())


def open_minutes_of_week(pattern):
    """One byte a minute from Monday's midnight on: 1 if a clock that shows it is within the hours."""
    week = bytearray(WEEK)
    for day, hours in pattern.items():
        for text in hours:
            opens, closes = (int(t[:2]) * 60 + int(t[3:]) for t in text.split("-"))
            if closes <= opens:
                closes += DAY
            for minute in range(opens, closes):
                week[(DAYS.index(day) * DAY + minute) % WEEK] = 1
    return bytes(week)


def offset_s(zone, second):
    return int(datetime.fromtimestamp(second, zone).utcoffset().total_seconds())


def changes_of(zone):
    changes = []
    begin, end = year_begins(FIRST_YEAR), year_begins(LAST_YEAR + 1)
    before = offset_s(zone, begin)
    for step in range(begin, end, HALF_DAY_S):
        after = offset_s(zone, step + HALF_DAY_S)
        if after != before:
            low, high = step, step + HALF_DAY_S
            while high - low > 1:
                middle = (low + high) // 2
                if offset_s(zone, middle) == before:
                    low = middle
                else:
                    high = middle
            assert offset_s(zone, high) == after, "two changes within half a day"
            changes.append((high, before, after))
        before = after
    return changes


def spans_of(changes, chance):
    begin, end = year_begins(FIRST_YEAR) // 60, year_begins(LAST_YEAR + 1) // 60
    wanted = [(second // 60 - 2 * DAY, second // 60 + 2 * DAY) for second, _, _ in changes]
    for year in range(FIRST_YEAR, LAST_YEAR + 1):
        week = year_begins(year) // 60 + chance.randrange(51 * WEEK)
        wanted.append((week, week + WEEK))
    spans = []
    for first, last in sorted(wanted):
        first, last = max(first, begin), min(last, end)
        if spans and first <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(last, spans[-1][1]))
        else:
            spans.append((first, last))
    return spans


def wall_minutes(span, changes, offset_at_first):
    """The minutes of the week that the clock shows, minute by minute, as runs (first, length) without a jump."""
    pieces, at, offset = [], span[0], offset_at_first
    for second, before, after in changes:
        assert second % 60 == 0 and before % 60 == 0 and after % 60 == 0
        if span[0] < second // 60 < span[1]:
            pieces.append((at, second // 60, before // 60))
            at, offset = second // 60, after
    pieces.append((at, span[1], offset // 60))
    # 1970 began on a Thursday.
    return [((first + minutes + 3 * DAY) % WEEK, last - first) for first, last, minutes in pieces]


def check_the_short_way(zone, span, runs, changes):
    """The clock read minute by minute, near every change, by datetime alone."""
    shown = []
    for first, length in runs:
        shown.extend((first + minute) % WEEK for minute in range(length))
    for second, _, _ in changes:
        if span[0] < second // 60 < span[1]:
            for minute in range(max(span[0], second // 60 - 90), min(span[1], second // 60 + 90)):
                wall = datetime.fromtimestamp(minute * 60, zone)
                assert shown[minute - span[0]] == wall.weekday() * DAY + wall.hour * 60 + wall.minute


def runs_of_ones(row, first):
    edges, at = [], row.find(1)
    while at >= 0:
        end = row.find(0, at)
        end = len(row) if end < 0 else end
        edges += (first + at, first + end)
        at = row.find(1, end)
    return edges


def main():
    assert zoneinfo.TZPATH == (), "the system's zone data would be read"
    asked = json.load(sys.stdin)
    weeks = [open_minutes_of_week(pattern) for pattern in asked["patterns"]]
    # Twice and again, so that any slice of some days can be cut out of it.
    longest = 2 + 52 * 4
    weeks = [week * longest for week in weeks]
    out = sys.stdout.buffer
    out.write(tzdata.IANA_VERSION.encode())

    @functools.cache
    def answer(data):
        """Zones that are other names for one have the same file and the same answer."""
        name = names[data]
        zone = zoneinfo.ZoneInfo(name)
        changes = changes_of(zone)
        spans = spans_of(changes, random.Random(name))
        blob = [struct.pack("<I", len(changes)), *(struct.pack("<qii", *change) for change in changes)]
        blob += [struct.pack("<I", len(spans)), *(struct.pack("<II", *span) for span in spans)]
        walls = []
        for span in spans:
            runs = wall_minutes(span, changes, offset_s(zone, span[0] * 60))
            check_the_short_way(zone, span, runs, changes)
            walls.append(runs)
        for week in weeks:
            for span, runs in zip(spans, walls):
                row = b"".join(week[first : first + length] for first, length in runs)
                assert len(row) == span[1] - span[0]
                edges = runs_of_ones(row, span[0])
                blob.append(struct.pack(f"<I{len(edges)}I", len(edges) // 2, *edges))
        return b"".join(blob)

    names = {}
    for name in asked["zones"]:
        data = resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
        names.setdefault(data, name)
        out.write(answer(data))


main()
