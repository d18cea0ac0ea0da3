"""Who gets which version, as visitors, the proxy's counters and the versions themselves saw it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from math import sqrt
from typing import Any

import pytest
import requests

from engine.adapters.traefik import LocalTarget
from engine.core.model import Selector
from engine.core.target import TargetState, Weights
from engine.errors import UsageError
from engine.fields import format_selector
from engine.local.platform import LocalPlatform
from engine.local.shape import Shape
from engine.plugins import check_options
from tests.local.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]

VERSIONS = ("v1", "v2", "v3")
BY_HEADER = {"header": "X-Bucket"}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    shape = Shape(services={"checkout": VERSIONS}, rate_per_s=450, sessions=200)
    with LocalPlatform(tmp_path_factory.mktemp("assignment") / "platform", shape) as platform:
        for version in VERSIONS:
            platform.set("checkout", version, error_rate=0, latency_p50_ms=2, latency_p99_ms=4)
        yield platform


def target_on(platform: LocalPlatform, *treatments: str, sticky: object = False) -> LocalTarget:
    named = {"treatments": list(treatments)} if len(treatments) > 1 else {"treatment": treatments[0]}
    place = {"service": "checkout", "control": "v1", "platform": str(platform.directory), "sticky": sticky}
    return LocalTarget(check_options(LocalTarget, {**place, **named}))


def be_at(target: LocalTarget, *treatments_pct: int) -> None:
    answer = target.apply(Weights.of(*treatments_pct))
    assert isinstance(answer, TargetState)
    assert answer.weights == Weights.of(*treatments_pct)


def fetched(
    url: str, headers: Mapping[str, str] | None = None, params: Mapping[str, str] | None = None
) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, params=params, headers=headers, timeout=5)


def counted(platform: LocalPlatform, query: str) -> dict[str, float]:
    """One number per service or version, as Prometheus has it."""
    answer = fetched(f"{platform.prometheus_url}/api/v1/query", params={"query": query}).json()
    return {
        name.removeprefix("checkout-").removesuffix("@file"): float(entry["value"][1])
        for entry in answer["data"]["result"]
        for name in entry["metric"].values()
    }


def assignments_of(target: LocalTarget) -> Selector:
    router = target.facts().router
    assert router is not None
    assert router.assignments is not None
    return router.assignments


def assigned(platform: LocalPlatform, target: LocalTarget, at_least: int) -> dict[str, float]:
    """So many new assignments or more, by version, from the first scrape that began after now."""
    selector = format_selector(assignments_of(target))
    now_s = counted(platform, 'label_replace(vector(time()), "x", "now", "", "")')["now"]
    newest = 'max by (job) (timestamp(up{job="proxy"}))'
    eventually(lambda: counted(platform, newest).get("proxy", 0) > now_s)
    before = counted(platform, f"sum by (service) ({selector})")

    def more() -> dict[str, float]:
        now = counted(platform, f"sum by (service) ({selector})")
        return {version: count - before.get(version, 0) for version, count in now.items()}

    eventually(lambda: sum(more().values()) >= at_least, within_s=50)
    return more()


def within_noise(counts: Mapping[str, float], shares: Mapping[str, float], deviations: float = 4) -> bool:
    """Whether every share is as near to its weight as independent draws would be."""
    total = sum(counts.values())
    return all(
        abs(counts.get(version, 0) / total - share) <= deviations * sqrt(share * (1 - share) / total)
        for version, share in shares.items()
    )


@pytest.mark.parametrize("sticky", [False, "cookie"])
@pytest.mark.parametrize(
    ("treatments", "shares"),
    [(("v2",), {"v1": 0.5, "v2": 0.5}), (("v2", "v3"), {"v1": 0.5, "v2": 0.25, "v3": 0.25})],
)
def test_new_visitors_are_split_as_planned(
    platform: LocalPlatform, treatments: tuple[str, ...], shares: dict[str, float], sticky: object
) -> None:
    target = target_on(platform, *treatments, sticky=sticky)
    be_at(target, *(round(100 * shares[version]) for version in treatments))
    counts = assigned(platform, target, 600)
    assert within_noise(counts, shares), counts


def test_the_proxy_counts_a_visitor_with_a_cookie_as_assigned_once(platform: LocalPlatform) -> None:
    target = target_on(platform, "v2", sticky="cookie")
    be_at(target, 50)
    assigned(platform, target, 100)
    before = platform.load("checkout")
    ended = "sum by (service) (sessions_total)"
    sessions, counts = counted(platform, ended)["checkout"], assigned(platform, target, 300)
    after = platform.load("checkout")
    answers = sum(after.counts[v][200] - before.counts[v][200] for v in ("v1", "v2"))
    assert after.moved == before.moved
    # About ten visits to a session: what was counted are sessions and not requests.
    assert sum(counts.values()) < answers / 5
    assert counted(platform, ended)["checkout"] - sessions == pytest.approx(sum(counts.values()), rel=0.3)


def test_nobody_can_pass_for_a_new_visitor_or_invent_a_kind_of_visitor(platform: LocalPlatform) -> None:
    kinds = "count by (assignment) (traefik_service_requests_total)"
    for sticky in (False, "cookie", BY_HEADER):
        be_at(target_on(platform, "v2", sticky=sticky), 50)
        forged = {"X-Rampwise-Assignment": "mine", "Cookie": "rampwise_checkout=made-up"}
        assert fetched(platform.url("checkout"), forged).status_code == 200
    cookie = target_on(platform, "v2", sticky="cookie")
    be_at(cookie, 50)
    assigned(platform, cookie, 1)
    named = f'sum by (kind) (label_replace({kinds}, "kind", "is $1", "assignment", "(.*)"))'
    assert set(counted(platform, named)) == {"is ", "is new"}


def test_a_dropped_treatment_gives_its_visitors_to_control_and_moves_nobody_else(
    platform: LocalPlatform,
) -> None:
    target = target_on(platform, "v2", "v3", sticky="cookie")
    be_at(target, 25, 25)
    assigned(platform, target, 300)
    be_at(target, 0, 25)
    before = platform.load("checkout")
    counts = assigned(platform, target, 300)
    after = platform.load("checkout")
    v2 = after.counts["v2"][200] - before.counts["v2"][200]
    assert v2 <= before.in_flight
    assert counts["v2"] <= before.in_flight
    # Visitors of v2 that were there move once; there are 200 at a time, a quarter of them on v2.
    assert 0 < after.moved - before.moved < 100
    assert within_noise(counts, {"v1": 0.75, "v3": 0.25}), counts


def by_bucket(platform: LocalPlatform) -> list[str]:
    """Which version every bucket is answered by."""
    return [version_of(platform, f"{bucket}") for bucket in range(100)]


def version_of(platform: LocalPlatform, bucket: str) -> str:
    return fetched(platform.url("checkout"), {"X-Bucket": bucket}).text.split()[1]


def test_by_header_every_bucket_is_where_the_weights_put_it(platform: LocalPlatform) -> None:
    target = target_on(platform, "v2", "v3", sticky=BY_HEADER)
    be_at(target, 25, 25)
    before = by_bucket(platform)
    assert Counter(before) == {"v1": 50, "v2": 25, "v3": 25}
    assert by_bucket(platform) == before
    be_at(target, 0, 25)
    after = by_bucket(platform)
    assert Counter(after) == {"v1": 75, "v3": 25}
    assert {(was, now) for was, now in zip(before, after, strict=True) if was != now} == {("v2", "v1")}


def test_by_header_a_changed_weight_moves_only_the_boundary(platform: LocalPlatform) -> None:
    target = target_on(platform, "v2", sticky=BY_HEADER)
    be_at(target, 20)
    before = by_bucket(platform)
    be_at(target, 35)
    moved = [(was, now) for was, now in zip(before, by_bucket(platform), strict=True) if was != now]
    assert moved == [("v1", "v2")] * 15


def test_by_header_sessions_stay_and_no_visitor_is_between_two_versions(platform: LocalPlatform) -> None:
    be_at(target_on(platform, "v2", sticky=BY_HEADER), 50)
    settled = platform.load("checkout")
    eventually(lambda: platform.load("checkout").counts["v2"][200] > settled.counts["v2"][200] + 500)
    before = platform.load("checkout")
    eventually(lambda: platform.load("checkout").counts["v2"][200] > before.counts["v2"][200] + 500)
    assert platform.load("checkout").moved == before.moved


def test_a_request_without_a_bucket_goes_to_control_and_is_not_counted(platform: LocalPlatform) -> None:
    target = target_on(platform, "v2", sticky=BY_HEADER)
    be_at(target, 50)
    odd = ["", "100", "-1", "x", "5.0", "007"]
    assert {version_of(platform, bucket) for bucket in odd} == {"v1"}
    assert fetched(platform.url("checkout")).text.split()[1] == "v1"
    router = target.facts().router
    assert router is not None
    rest = 'sum by (service) (traefik_service_requests_total{service="checkout-v1_rest@file"})'
    eventually(lambda: counted(platform, rest).get("v1_rest", 0) >= len(odd) + 1)
    ours = f"sum by (service) ({format_selector(router.requests)})"
    assert set(counted(platform, ours)) == {"v1", "v2"}
    be_at(target, 100)
    assert version_of(platform, "x") == "v2"
    be_at(target, 0)


@pytest.mark.parametrize("sticky", [False, "cookie"])
def test_a_route_left_behind_breaks_the_split_where_only_the_proxys_counts_show_it(
    platform: LocalPlatform, sticky: object
) -> None:
    target = target_on(platform, "v2", sticky=sticky)
    be_at(target, 50)
    before = target.observe()
    platform.leave_route_behind("checkout", {"v1": 100})
    broken = assigned(platform, target, 800)
    assert target.observe() == before
    # Three visitors in ten go to v1 whatever the weights say.
    assert within_noise(broken, {"v1": 0.65, "v2": 0.35}), broken
    assert not within_noise(broken, {"v1": 0.5, "v2": 0.5}, deviations=5)
    platform.remove_route_left_behind("checkout")
    platform.remove_route_left_behind("checkout")
    mended = assigned(platform, target, 600)
    assert within_noise(mended, {"v1": 0.5, "v2": 0.5}), mended


def test_a_route_to_nowhere_cannot_be_left_behind(platform: LocalPlatform) -> None:
    with pytest.raises(UsageError, match="checkout has no version v9"):
        platform.leave_route_behind("checkout", {"v9": 100})


def test_sessions_and_conversions_are_counted_by_version(platform: LocalPlatform) -> None:
    be_at(target_on(platform, "v2", "v3", sticky="cookie"), 0, 0)
    facts: Any = target_on(platform, "v2", "v3").facts()
    url = platform.record.url("checkout/v3")
    platform.restart_version("checkout", "v3")
    text = fetched(f"{url}/metrics").text
    assert 'sessions_total{version="v3"} 0\n' in text
    platform.set("checkout", "v3", conversion_rate=1)
    for path in ("/", "/buy", "/buy", "/"):
        fetched(f"{url}{path}")
    platform.set("checkout", "v3", conversion_rate=0.1)
    text = fetched(f"{url}/metrics").text
    assert 'sessions_total{version="v3"} 2\n' in text
    assert 'sessions_converted_total{version="v3"} 2\n' in text
    for selector in (facts.sessions.total, facts.sessions.converted):
        await_two(platform, f"sum by (version) ({format_selector(selector)})")


def await_two(platform: LocalPlatform, by_version: str) -> None:
    eventually(lambda: counted(platform, by_version).get("v3") == 2)
    assert set(counted(platform, by_version)) == set(VERSIONS)
