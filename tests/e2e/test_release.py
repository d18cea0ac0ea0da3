"""A release as a person or a pipeline makes it: commands, exit codes, files; real proxy, real Prometheus."""

import json
import threading
import time

import pytest

from engine.core.run import Phase
from tests.e2e.conftest import Site

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def run_now(site: Site) -> dict:
    listed = site.call("list", "--all", "-o", "json")
    assert listed.returncode == 0, listed.stderr
    return json.loads(listed.stdout)["runs"][0]


def when_at(site: Site, weight_pct: int, act) -> threading.Thread:
    """Do something as soon as the proxy gives the treatment so much traffic."""

    def wait() -> None:
        until_s = time.monotonic() + 120
        while time.monotonic() < until_s:
            if site.platform.status().routes.get("checkout", {}).get("v2", 0) >= weight_pct:
                act()
                return
            time.sleep(0.1)

    waiting = threading.Thread(target=wait)
    waiting.start()
    return waiting


def test_a_good_release_exits_0_and_a_report_can_be_read(site):
    done = site.call("launch", str(site.experiment()), "--wait", timeout_s=240)
    assert done.returncode == 0, done.stderr
    assert site.platform.status().routes["checkout"] == {"v1": 0, "v2": 100}
    page = site.home / "report.html"
    written = site.call("report", "checkout-v2", "--format", "html", "-o", str(page))
    assert written.returncode == 0, written.stderr
    assert "Promoted: v2 has all traffic." in page.read_text()


def test_a_bad_release_exits_3_and_traffic_is_back(site):
    site.platform.set("checkout", "v2", error_rate=0.4)
    done = site.call("launch", str(site.experiment()), "--wait", timeout_s=240)
    assert done.returncode == 3, done.stderr
    assert site.platform.status().routes["checkout"] == {"v1": 100, "v2": 0}
    assert "http_errors" in done.stdout + done.stderr


def test_a_flag_closed_mid_run_exits_6_within_a_tick(site):
    closing = when_at(site, 10, lambda: site.call("gate", "close", "checkout-v2"))
    done = site.call("launch", str(site.experiment()), "--wait", timeout_s=240)
    closing.join()
    assert done.returncode == 6, done.stderr
    assert site.platform.status().routes["checkout"] == {"v1": 100, "v2": 0}


def test_a_served_run_takes_commands_within_a_tick(site):
    site.start("serve")
    assert site.call("launch", str(site.experiment())).returncode == 0
    waiting = when_at(site, 10, lambda: None)
    waiting.join()
    stopped = site.call("stop", "checkout-v2", "--reason", "enough", "--wait")
    assert stopped.returncode == 0, stopped.stderr
    assert site.platform.status().routes["checkout"] == {"v1": 100, "v2": 0}
    (stored,) = site.store.runs()
    assert stored.snapshot.run.phase is Phase.STOPPED


def test_target_reset_works_with_database_and_prometheus_dead(site):
    site.start("serve")
    file = site.experiment()
    assert site.call("launch", str(file)).returncode == 0
    when_at(site, 10, lambda: None).join()
    for engine in site.engines:
        engine.kill()
        engine.wait(10)
    site.platform.stop_prometheus()
    (site.home / "rampwise.sqlite3").write_bytes(b"this is no database")
    reset = site.call("target", "reset", str(file))
    assert reset.returncode == 0, reset.stderr
    assert site.platform.status().routes["checkout"] == {"v1": 100, "v2": 0}


def test_launch_replace_stops_the_old_run_first(site):
    site.start("serve")
    file = str(site.experiment())
    assert site.call("launch", file).returncode == 0
    when_at(site, 10, lambda: None).join()
    again = site.call("launch", file)
    assert again.returncode == 2
    assert "already being released" in again.stderr
    replaced = site.call("launch", file, "--replace", timeout_s=180)
    assert replaced.returncode == 0, replaced.stderr
    phases = sorted(stored.snapshot.run.phase for stored in site.store.runs())
    assert phases == [Phase.RUNNING, Phase.STOPPED]
