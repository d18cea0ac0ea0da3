"""`make demo`, as CI runs it: every release ends as it must, in time, and leaves what it promises."""

import json
import os
import subprocess
import sys
import time

import psutil
import pytest

FIELDS = {"scenario", "expected", "outcome", "decided_after_s", "treatment_requests", "treatment_bad"}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_release_of_the_demonstration_ends_as_expected(tmp_path):
    output = tmp_path / "demo"
    began_s = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "engine.cli.main", "demo", "--output-dir", str(output)],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - began_s < 240
    results = json.loads((output / "results.json").read_text())
    assert len(results) == 8
    for result in results:
        assert set(result) == FIELDS
        assert result["outcome"] == result["expected"]
        assert "<html" in (output / f"{result['scenario']}.html").read_text()
    left = [
        process
        for process in psutil.process_iter(["cmdline"])
        if str(tmp_path) in str(process.info["cmdline"])
    ]
    assert left == []
