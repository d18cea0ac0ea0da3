import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest
import requests
from prometheus_client import CollectorRegistry, Counter, start_http_server

from engine.adapters.traefik import LocalTarget
from engine.adapters.traefik.platform_record import LOAD, PROMETHEUS, PROXY, RECORD
from engine.core.target import TargetState, Weights
from engine.errors import Unreachable, UsageError
from engine.local import platform as platforms
from engine.local.client import Stats
from engine.local.platform import LocalPlatform
from engine.local.processes import find, free_ports, marked
from engine.local.scraping import scrape
from engine.local.shape import Shape
from tests.local.waiting import eventually

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    with LocalPlatform(
        tmp_path_factory.mktemp("local") / "platform", Shape(rate_per_s=150, sessions=50)
    ) as platform:
        for version in ("v1", "v2"):
            platform.set("checkout", version, error_rate=0)
        yield platform


def split(platform: LocalPlatform, treatment_pct: int, *, sticky: bool = False) -> None:
    options = LocalTarget.Options(
        service="checkout", control="v1", treatment="v2", platform=str(platform.directory), sticky=sticky
    )
    answer = LocalTarget(options).apply(Weights.of(treatment_pct))
    assert isinstance(answer, TargetState)


def answers(stats: Stats, version: str) -> int:
    return sum(stats.counts.get(version, {}).values())


def after_more(platform: LocalPlatform, requests_more: int) -> tuple[Stats, Stats]:
    """What the visitors had seen, and what they have seen after at least so many more answers."""
    before = platform.load("checkout")
    start = answers(before, "v1") + answers(before, "v2")

    def enough() -> bool:
        now = platform.load("checkout")
        return answers(now, "v1") + answers(now, "v2") >= start + requests_more

    eventually(enough)
    return before, platform.load("checkout")


def get(url: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, timeout=5)


def prometheus_counts(platform: LocalPlatform, query: str, label: str) -> dict[str, int]:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(f"{platform.prometheus_url}/api/v1/query", params={"query": query}, timeout=5)
    series: list[Mapping[str, Mapping[str, str]]] = answer.json()["data"]["result"]
    return {entry["metric"][label]: int(entry["value"][1]) for entry in series}


def test_visitors_see_the_split_that_was_asked_for(platform: LocalPlatform) -> None:
    split(platform, 20)
    before, after = after_more(platform, 200)
    v1, v2 = (answers(after, v) - answers(before, v) for v in ("v1", "v2"))
    # The proxy deals requests out in turn; only those in flight while counting may differ.
    assert v2 / (v1 + v2) == pytest.approx(0.2, abs=0.05)


def test_a_version_without_weight_gets_nothing_from_the_moment_apply_returns(platform: LocalPlatform) -> None:
    split(platform, 50)
    after_more(platform, 50)
    split(platform, 0)
    before, after = after_more(platform, 150)
    assert answers(after, "v2") - answers(before, "v2") <= before.in_flight
    assert answers(after, "v1") > answers(before, "v1")


def test_sticky_sessions_stay_until_their_version_loses_its_weight(platform: LocalPlatform) -> None:
    split(platform, 50, sticky=True)
    # Each of the 50 sessions gets its cookie with its first answer.
    after_more(platform, 200)
    before, after = after_more(platform, 200)
    assert after.moved == before.moved
    assert answers(after, "v2") > answers(before, "v2")
    split(platform, 0, sticky=True)
    before, after = after_more(platform, 150)
    assert answers(after, "v2") - answers(before, "v2") <= before.in_flight
    split(platform, 0)


def test_prometheus_scrapes_an_application_of_somebody_elses(platform: LocalPlatform) -> None:
    registry = CollectorRegistry()
    Counter("payments", "Payments.", ["variant"], registry=registry).labels("short").inc(7)
    server, thread = start_http_server(0, addr="127.0.0.1", registry=registry)
    try:
        scrape(platform.directory, "shop", server.server_port)
        counted = 'payments_total{application="shop"}'
        eventually(lambda: prometheus_counts(platform, counted, "variant") == {"short": 7})
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_visitors_proxy_services_and_prometheus_count_the_same(tmp_path: Path) -> None:
    shape = Shape(services={"checkout": ("v1", "v2"), "cart": ("v1", "v2")}, rate_per_s=60, duration_s=2.5)
    with LocalPlatform(tmp_path / "platform", shape) as platform:
        split(platform, 20)
        platform.set("checkout", "v2", error_rate=0.5)
        eventually(lambda: not platform.load("checkout").running)
        eventually(lambda: platform.load("checkout").in_flight == 0)
        seen = platform.load("checkout")
        by_arm = {f"checkout-{v}@file": answers(seen, v) for v in ("v1", "v2")}
        by_version = {v: answers(seen, v) for v in ("v1", "v2")}
        assert by_version["v1"] > by_version["v2"] > 0
        assert seen.failed == seen.skipped == 0
        router = 'sum by (service) (traefik_service_requests_total{service=~"checkout-.*"})'
        eventually(lambda: prometheus_counts(platform, router, "service") == by_arm)
        own = 'sum by (version) (http_requests_total{service="checkout"})'
        eventually(lambda: prometheus_counts(platform, own, "version") == by_version)
        failed = 'sum by (version) (http_requests_total{service="checkout",version="v2",code="500"})'
        assert prometheus_counts(platform, failed, "version") == {"v2": seen.counts["v2"][500]}


def test_settings_change_while_it_runs(platform: LocalPlatform) -> None:
    url = platform.record.url("checkout/v2")
    assert platform.set("checkout", "v2", error_rate=1)["error_rate"] == 1
    assert get(url).status_code == 500
    platform.set("checkout", "v2", error_rate=0)
    assert get(url).status_code == 200
    assert platform.settings("checkout", "v2")["error_rate"] == 0


def test_an_impossible_setting_is_refused_and_changes_nothing(platform: LocalPlatform) -> None:
    before = platform.settings("checkout", "v2")
    with pytest.raises(UsageError, match="error_rate is a share"):
        platform.set("checkout", "v2", error_rate=4)
    with pytest.raises(UsageError, match="no setting eror_rate"):
        platform.set("checkout", "v2", eror_rate=0.1)
    with pytest.raises(UsageError, match="checkout has no version v7; it has v1, v2"):
        platform.set("checkout", "v7", error_rate=0.1)
    assert platform.settings("checkout", "v2") == before


def test_a_restarted_version_keeps_its_settings_and_starts_slow(platform: LocalPlatform) -> None:
    split(platform, 0)
    slow = {"latency_p50_ms": 10, "latency_p99_ms": 10, "slow_start_s": 600, "slow_start_factor": 20}
    platform.set("checkout", "v2", **slow)
    port = platform.record.parts["checkout/v2"].ports
    platform.restart_version("checkout", "v2")
    assert platform.record.parts["checkout/v2"].ports == port
    url = platform.record.url("checkout/v2")
    assert get(url).elapsed.total_seconds() > 0.2
    platform.set("checkout", "v2", slow_start_s=0)
    assert min(get(url).elapsed.total_seconds() for _ in range(5)) < 0.1


def test_the_shop_answers_through_the_proxy_and_only_under_its_name(platform: LocalPlatform) -> None:
    split(platform, 0)
    assert get(platform.url("checkout")).text == "checkout v1 ok\n"
    assert get(f"{platform.record.url(PROXY)}/checkouts").status_code == 404


def test_conversions_are_counted_by_the_version_that_made_them(platform: LocalPlatform) -> None:
    split(platform, 0)
    platform.restart_version("checkout", "v2")
    platform.set("checkout", "v2", conversion_rate=1)
    url = platform.record.url("checkout/v2")
    bought = [get(f"{url}/buy").text for _ in range(3)]
    assert bought == ["checkout v2 bought\n"] * 3
    assert 'conversions_total{version="v2"} 3\n' in get(f"{url}/metrics").text


def test_prometheus_comes_back_with_its_data(platform: LocalPlatform) -> None:
    query = 'count_over_time(up{job="proxy"}[1h])'
    eventually(lambda: prometheus_counts(platform, query, "job").get("proxy", 0) >= 2)
    before = prometheus_counts(platform, query, "job")["proxy"]
    platform.stop_prometheus()
    assert platform.dead_parts() == {PROMETHEUS}
    platform.start_prometheus()
    platform.start_prometheus()
    assert platform.dead_parts() == set()
    eventually(lambda: prometheus_counts(platform, query, "job").get("proxy", 0) >= before)


def test_a_taken_port_is_an_error_where_the_port_must_stay(platform: LocalPlatform) -> None:
    platform.stop_prometheus()
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", platform.record.parts[PROMETHEUS].ports["http"]))
        squatter.listen()
        with pytest.raises(Unreachable, match=r"prometheus did not start on .*address already in use"):
            platform.start_prometheus()
    platform.start_prometheus()


def test_a_snatched_port_is_replaced_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        taken = squatter.getsockname()[1]
        snatched: list[str] = []

        def ports(names: tuple[str, ...]) -> dict[str, int]:
            free = free_ports(names)
            if names[-1] in snatched:
                return free
            snatched.append(names[-1])
            return {**free, names[-1]: taken}

        monkeypatch.setattr(platforms, "free_ports", ports)
        with LocalPlatform(tmp_path / "platform", Shape(rate_per_s=1)) as platform:
            assert sorted(snatched) == ["api", "http"]
            used = [port for part in platform.record.parts.values() for port in part.ports.values()]
            assert taken not in used
            assert platform.dead_parts() == set()


def test_down_leaves_no_process_and_no_directory(tmp_path: Path) -> None:
    platform = LocalPlatform(tmp_path / "platform", Shape(rate_per_s=5))
    platform.start(owned=False)
    pids = [part.pid for part in platform.record.parts.values()]
    assert all(psutil.pid_exists(pid) for pid in pids)
    LocalPlatform(tmp_path / "platform").down()
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert marked(tmp_path / "platform") == []
    assert not (tmp_path / "platform").exists()
    platform.down()


def test_a_failure_half_way_up_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> list[str]:
        return ["/bin/sh", "-c", "echo no space left; exit 1"]

    monkeypatch.setattr(platforms.programs, "prometheus_command", broken)
    with pytest.raises(Unreachable, match=r"prometheus did not start on .*no space left"):
        LocalPlatform(tmp_path / "platform", Shape(rate_per_s=5)).start()
    assert marked(tmp_path / "platform") == []
    assert not (tmp_path / "platform").exists()


def test_without_prometheus_nothing_starts_and_the_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="apt-get install prometheus"):
        LocalPlatform(tmp_path / "platform").start()
    assert not (tmp_path / "platform").exists()


def test_a_living_platform_is_not_started_twice(platform: LocalPlatform) -> None:
    with pytest.raises(UsageError, match=r"a platform is up in .*rampwise local down"):
        LocalPlatform(platform.directory).start()
    assert platform.dead_parts() == set()


def test_a_directory_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(UsageError, match="not empty and no platform"):
        LocalPlatform(tmp_path).start()
    LocalPlatform(tmp_path).down()
    assert (tmp_path / "thesis.txt").exists()


def test_two_platforms_run_side_by_side(platform: LocalPlatform, tmp_path: Path) -> None:
    with LocalPlatform(tmp_path / "other", Shape(rate_per_s=5)) as other:
        ours = {port for part in platform.record.parts.values() for port in part.ports.values()}
        theirs = {port for part in other.record.parts.values() for port in part.ports.values()}
        assert ours.isdisjoint(theirs)
        other.set("checkout", "v1", error_rate=1)
        assert get(other.url("checkout")).status_code == 500
        split(platform, 0)
        assert get(platform.url("checkout")).status_code == 200
    assert platform.dead_parts() == set()


def test_a_killed_proxy_is_named_and_its_routes_are_unknown(tmp_path: Path) -> None:
    with LocalPlatform(tmp_path / "platform", Shape(rate_per_s=20)) as platform:
        process = find(platform.record.parts[PROXY])
        assert process is not None
        process.kill()
        process.wait()
        status = platform.status()
        assert [part.name for part in status.parts if not part.running] == [PROXY]
        assert status.routes == {}
        eventually(lambda: platform.load("checkout").failed > 0)
        assert platform.load("checkout").running


def test_load_is_bounded_by_its_sessions(tmp_path: Path) -> None:
    shape = Shape(rate_per_s=300, sessions=3)
    with LocalPlatform(tmp_path / "platform", shape) as platform:
        platform.set("checkout", "v1", latency_p50_ms=300, latency_p99_ms=300)
        eventually(lambda: platform.load("checkout").skipped > 100)
        assert platform.load("checkout").in_flight <= 3


def test_status_says_what_runs_where(platform: LocalPlatform) -> None:
    split(platform, 30)
    status = platform.status()
    names = {part.name for part in status.parts}
    assert names == {"keeper", "checkout/v1", "checkout/v2", PROXY, PROMETHEUS, LOAD}
    assert all(part.running for part in status.parts)
    assert status.routes == {"checkout": {"v1": 70, "v2": 30}}
    assert status.urls == {"checkout": platform.url("checkout")}
    assert status.load_running is True
    assert (platform.directory / RECORD).exists()


def test_what_is_not_there_is_said_so(tmp_path: Path) -> None:
    nothing = LocalPlatform(tmp_path / "nothing")
    for ask in (nothing.status, nothing.dead_parts, lambda: nothing.stats("checkout")):
        with pytest.raises(Unreachable, match="rampwise local up"):
            ask()
    began_s = time.monotonic()
    nothing.down()
    assert time.monotonic() - began_s < 5
