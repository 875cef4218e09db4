#!/usr/bin/env python3
"""Prints src/rules/public_holidays.txt from the library `holidays`, pinned in scripts/python-needs.txt.

Usage: target/test-python/bin/python scripts/public_holidays.py > src/rules/public_holidays.txt
A test compares the file with what this prints.
"""

import re
from collections import defaultdict

import holidays

YEARS = range(2020, 2041)
# Each country, and the language of the names: English as it is written there, where there is one.
COUNTRIES = {"AU": "en_AU", "CA": "en_CA", "DE": "en_US", "FR": "en_US", "GB": "en_GB", "US": "en_US"}

print(f"# Public holidays {YEARS[0]} to {YEARS[-1]}: name; regions; dates. `*` is everywhere, `-` the country without a region.")
print(f"# Printed by scripts/public_holidays.py with holidays {holidays.__version__} (MIT). Do not edit.")
for country, language in COUNTRIES.items():
    known = getattr(holidays, country).subdivisions
    # Others are towns and school zones.
    regions = ["-", *sorted(region for region in known if re.fullmatch("[A-Z0-9]{2,3}", region))]
    held_in = defaultdict(set)
    for region in regions:
        days = holidays.country_holidays(
            country, subdiv=None if region == "-" else region, years=YEARS, observed=True, language=language
        )
        for day in days:
            for name in days.get_list(day):
                held_in[day, name].add(region)
    dates = defaultdict(list)
    for (day, name), where in sorted(held_in.items()):
        assert ";" not in name, name
        dates[name, " ".join(sorted(where))].append(day.isoformat())
    print(f"country {country} {' '.join(regions)}")
    everywhere = " ".join(sorted(regions))
    for (name, where), on in sorted(dates.items()):
        print(f"{name}; {'*' if where == everywhere else where}; {' '.join(on)}")
