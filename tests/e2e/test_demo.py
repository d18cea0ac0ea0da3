"""`make demo`, as CI runs it: every release ends as it must, in time, and leaves what it promises."""

import json
import os
import re
import subprocess
import sys
import time
from contextlib import suppress

import psutil
import pytest

from engine.local.processes import MARK

FIELDS = {
    "scenario",
    "expected",
    "outcome",
    "decided_after_s",
    "treatment_requests",
    "treatment_bad",
    "notices",
    "end_told",
}


@pytest.mark.slow
@pytest.mark.timeout(460)
def test_every_release_of_the_demonstration_ends_as_expected(tmp_path):
    output = tmp_path / "demo"
    began_s = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "engine.cli.main", "demo", "--output-dir", str(output)],
        capture_output=True,
        text=True,
        timeout=430,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - began_s < 360
    results = json.loads((output / "results.json").read_text())
    assert len(results) == 13
    for result in results:
        assert set(result) == FIELDS
        assert result["outcome"] == result["expected"]
        assert result["end_told"]
        assert "<html" in (output / f"{result['scenario']}.html").read_text()
    assert "13 of 13 ends were told" in done.stderr
    page = (output / "checkout-users.html").read_text()
    assert "Ship short: bought is better." in page
    secret = re.compile(rb"whsec_[A-Za-z0-9+/]{8}")
    assert [path for path in output.rglob("*") if path.is_file() and secret.search(path.read_bytes())] == []
    assert processes_in(tmp_path) == []


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_demonstration_that_is_killed_leaves_no_process_behind(tmp_path):
    output = tmp_path / "demo"
    command = [sys.executable, "-m", "engine.cli.main", "demo", "--output-dir", str(output)]
    with (tmp_path / "log").open("wb") as log:
        demo = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until(lambda: any("engine.demo.shop.visitors" in line for line in processes_in(tmp_path)))
    finally:
        demo.kill()
        demo.wait(10)
    wait_until(lambda: processes_in(tmp_path) == [])


def processes_in(directory):
    """Command lines of the processes that mention a directory, there or in the mark of their platform."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            line = process.cmdline()
            if str(directory) in f"{line} {process.environ().get(MARK)}":
                found.append(line)
    return found


def wait_until(condition):
    deadline_s = time.monotonic() + 110
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.1)
