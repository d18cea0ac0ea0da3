"""`make bench-ab`: from events in Parquet to a report, beside the floor, tea-tasting and pandas.

Each way runs in a process of its own, one after the other, in the same run; lost goals are printed too.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.ab import contestants, tables

SIZES = (1_000_000, 10_000_000)
FULL = (*SIZES, 100_000_000)
MOST_IN_MEMORY = 10_000_000
"""Events beyond which pandas needs more memory than the machine has."""
GOAL_RATIO, GOAL_GIB = 1.2, 4.0
GOAL_REFRESH = 0.05
"""Of a whole look, for one after 1 % more events."""
_HOURS_S = 2 * 3600


def main() -> None:
    """Print a table for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="up to 100 million events (20 GB of disk)")
    parser.add_argument("--data", type=Path, help="where the tables are, or are made; a temporary folder")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        for events in FULL if asked.full else SIZES:
            folder = (asked.data or Path(temporary)) / str(events)
            tables.write(folder, events)
            show(folder, events)
            tables.write_growing(folder, events)
            show_refresh(folder, events)


def show(folder: Path, events: int) -> None:
    """One size: every way once."""
    print(f"\n{events:,} events of {events // tables.EVENTS_PER_USER:,} users", flush=True)
    print(f"  {'':12} {'seconds':>8} {'x floor':>8} {'GiB':>6}")
    floor_s = 0.0
    for name in contestants.CONTESTANTS:
        if name == "pandas" and events > MOST_IN_MEMORY:
            print(f"  {name:12} not tried: it keeps all events in memory")
            continue
        row = run(name, folder)
        floor_s = floor_s or row["seconds"]
        ratio = row["seconds"] / floor_s
        missed = ratio > GOAL_RATIO or row["gib"] > GOAL_GIB
        goal = f"; goal {GOAL_RATIO} x, {GOAL_GIB:g} GiB: {'missed' if missed else 'met'}"
        numbers = f"{row['seconds']:8.2f} {ratio:8.2f} {row['gib']:6.2f}"
        print(f"  {name:12} {numbers}  {row['told']}{goal if name == 'ours' else ''}", flush=True)


def show_refresh(folder: Path, events: int) -> None:
    """A running experiment, looked at before and after 1 % more events."""
    print(f"\n{events:,} events in files by time, with exposures until the last", flush=True)
    print(f"  {'':12} {'seconds':>8} {'CPU-s':>8} {'GiB':>6}")
    rows = {}
    for name in contestants.LOOKS:
        rows[name] = row = run(name, folder)
        if name == "first kept":
            contestants.put_latest(folder)
        numbers = f"{row['seconds']:8.2f} {row['cpu_s']:8.2f} {row['gib']:6.2f}"
        print(f"  {name:12} {numbers}  {row['told']}", flush=True)
    share = rows["refresh"]["cpu_s"] / rows["whole"]["cpu_s"]
    goal = f"goal {GOAL_REFRESH:.0%}: {'missed' if share > GOAL_REFRESH else 'met'}"
    print(f"  a refresh costs {share:.1%} of a whole look's processor time; {goal}", flush=True)


def run(name: str, folder: Path) -> dict[str, float]:
    """One way in a process of its own."""
    command = [sys.executable, "-m", contestants.__name__, name, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_HOURS_S, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
