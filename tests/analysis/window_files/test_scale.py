"""Memory does not grow with the file, and reading is faster than deciding has to be."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from analysis.window_files import read_blocks
from tests.analysis.window_files.files import generate
from tests.builders import an_experiment

pytestmark = pytest.mark.slow

PEAK = """
import resource, sys
from pathlib import Path
from analysis.window_files import reading
from tests.builders import an_experiment
reading._MEMORY = "64MB"  # small files shall reach it
blocks = reading.read_blocks(Path(sys.argv[1]), an_experiment(), max_windows=4096)
windows = sum(int(block.lengths.sum()) for block in blocks)
print(windows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def peak_bytes(path: Path, windows: int) -> int:
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(path)],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    read, peak = map(int, done.stdout.split())  # and nothing else on stdout
    assert read == windows
    return peak


@pytest.mark.timeout(300)
def test_ten_times_the_runs_take_hardly_more_memory(tmp_path):
    few = generate(tmp_path / "few.csv", runs=range(40_000), windows=10, seed=1)
    many = generate(tmp_path / "many.csv", runs=range(400_000), windows=10, seed=2)
    added = many.stat().st_size - few.stat().st_size
    assert peak_bytes(many, 4_000_000) - peak_bytes(few, 400_000) < 0.2 * added


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("runs", "windows"), [(1000, 500), (50_000, 10)])
def test_a_core_reads_150_000_windows_a_second(tmp_path, runs, windows):
    path = generate(tmp_path / "windows.csv", runs=range(runs), windows=windows, seed=3)
    start = time.process_time()
    read = sum(int(block.lengths.sum()) for block in read_blocks(path, an_experiment()))
    took = time.process_time() - start
    assert read == runs * windows
    assert read / took > 150_000
