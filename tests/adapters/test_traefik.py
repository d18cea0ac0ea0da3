import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from engine import spec
from engine.adapters.traefik import LocalTarget
from engine.adapters.traefik import platform_record as records
from engine.adapters.traefik.routed import parse_routed
from engine.adapters.traefik.routes import (
    ByCookie,
    ByHeader,
    Route,
    Sticky,
    publish,
    render,
    render_leftover,
)
from engine.core.model import Arm
from engine.core.target import RouterSeries, TargetGone, Weights
from engine.errors import Unreachable, UsageError
from engine.fields import format_selector
from engine.local.platform import LocalPlatform
from engine.local.processes import find
from engine.local.shape import Shape
from engine.plugins import check_options, plain_options
from engine.testing.targets import SeveralTreatmentsContract, state
from tests.local.waiting import eventually


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    shape = Shape(services={"checkout": ("v1", "v2", "v3")}, rate_per_s=5)
    with LocalPlatform(tmp_path_factory.mktemp("target") / "platform", shape) as platform:
        yield platform


def target_on(directory: Path, *treatments: str, control: str = "v1", sticky: Any = False) -> LocalTarget:
    named = {"treatments": list(treatments)} if len(treatments) > 1 else {"treatment": (*treatments, "v2")[0]}
    place = {"service": "checkout", "control": control, "platform": str(directory), "sticky": sticky}
    return LocalTarget(check_options(LocalTarget, {**place, **named}))


BY_HEADER = {"header": "X-Bucket"}


@pytest.fixture
def target(platform: LocalPlatform) -> LocalTarget:
    return target_on(platform.directory)


@pytest.mark.slow
class TestLocalTargetKeepsTheContract(SeveralTreatmentsContract):
    @pytest.fixture
    def sticky(self) -> object:
        return False

    @pytest.fixture
    def target(self, platform: LocalPlatform, sticky: object) -> LocalTarget:
        return target_on(platform.directory, sticky=sticky)

    @pytest.fixture
    def several(self, platform: LocalPlatform, sticky: object) -> LocalTarget:
        return target_on(platform.directory, "v2", "v3", sticky=sticky)

    @pytest.fixture
    def vanish(self, platform: LocalPlatform) -> Iterator[Callable[[], None]]:
        path = platform.directory / records.RECORD
        kept = path.read_text(encoding="utf-8")
        yield path.unlink
        path.write_text(kept, encoding="utf-8")


@pytest.mark.slow
class TestLocalTargetKeepsTheContractByCookie(TestLocalTargetKeepsTheContract):
    @pytest.fixture
    def sticky(self) -> object:
        return "cookie"


@pytest.mark.slow
class TestLocalTargetKeepsTheContractByHeader(TestLocalTargetKeepsTheContract):
    @pytest.fixture
    def sticky(self) -> object:
        return BY_HEADER


@pytest.mark.slow
def test_a_changed_weight_is_routed_within_a_second(target: LocalTarget) -> None:
    target.apply(Weights.of(0))
    began_s = time.monotonic()
    assert state(target.apply(Weights.of(100))).weights == Weights.of(100)
    assert time.monotonic() - began_s < 1


@pytest.mark.slow
def test_the_same_weights_are_not_written_again(platform: LocalPlatform, target: LocalTarget) -> None:
    path = records.routes_file(platform.directory, "checkout")
    target.apply(Weights.of(25))
    written = path.stat()
    target.apply(Weights.of(25))
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)


@pytest.mark.slow
def test_stickiness_is_part_of_what_is_applied(platform: LocalPlatform, target: LocalTarget) -> None:
    targets = [target, *(target_on(platform.directory, sticky=sticky) for sticky in ("cookie", BY_HEADER))]
    states = [state(one.apply(Weights.of(25))) for one in targets]
    assert [seen.weights for seen in states] == [Weights.of(25)] * 3
    assert len({seen.version for seen in states}) == 3


@pytest.mark.slow
def test_a_split_is_read_back_whatever_keeps_visitors_on_their_version(
    platform: LocalPlatform, target: LocalTarget
) -> None:
    for sticky in ("cookie", BY_HEADER, False):
        applied = state(target_on(platform.directory, "v2", "v3", sticky=sticky).apply(Weights.of(25, 0)))
        assert state(target.observe()).weights == applied.weights == Weights.of(25)
        assert platform.status().routes == {"checkout": {"v1": 75, "v2": 25, "v3": 0}}


@pytest.mark.slow
@pytest.mark.parametrize("sticky", [False, BY_HEADER])
def test_traffic_to_a_third_version_is_a_foreign_split_and_apply_ends_it(
    platform: LocalPlatform, target: LocalTarget, sticky: object
) -> None:
    state(target_on(platform.directory, "v3", sticky=sticky).apply(Weights.of(40)))
    answer = target.observe()
    assert isinstance(answer, TargetGone)
    assert "v1 60, v2 0, v3 40" in answer.detail
    assert state(target.apply(Weights.of(10))).weights == Weights.of(10)


@pytest.mark.slow
def test_weights_that_do_not_add_up_to_100_are_a_foreign_split(
    platform: LocalPlatform, target: LocalTarget
) -> None:
    backends = platform.record.backends("checkout")
    route = Route(service="checkout", backends=backends, weights={"v1": 3, "v2": 1})
    publish(route, records.routes_file(platform.directory, "checkout"))
    eventually(lambda: isinstance(target.observe(), TargetGone))
    assert "v1 3, v2 1" in str(target.observe())
    target.apply(Weights.of(0))


@pytest.mark.slow
def test_a_version_that_is_not_ready_yet_says_so(platform: LocalPlatform, target: LocalTarget) -> None:
    target.apply(Weights.of(0))
    platform.set("checkout", "v2", ready_after_s=3600)
    seen = state(target.observe())
    platform.set("checkout", "v2", ready_after_s=0)
    assert (seen.control.ready, seen.treatment.ready) == (True, False)
    assert seen.treatment.ready_since_s is None
    assert "503" in seen.treatment.detail
    assert state(target.observe()).treatment.ready


@pytest.mark.slow
def test_a_dead_version_is_unhealthy_and_the_target_is_not_gone(
    platform: LocalPlatform, target: LocalTarget
) -> None:
    target.apply(Weights.of(0))
    process = find(platform.record.parts["checkout/v2"])
    assert process is not None
    process.kill()
    process.wait()
    seen = state(target.observe())
    platform.restart_version("checkout", "v2")
    assert (seen.control.ready, seen.treatment.ready) == (True, False)


@pytest.mark.slow
def test_a_restarted_version_is_ready_since_its_restart(platform: LocalPlatform, target: LocalTarget) -> None:
    before = state(target.observe()).treatment.ready_since_s
    platform.restart_version("checkout", "v2")
    after = state(target.observe()).treatment.ready_since_s
    assert before is not None
    assert after is not None
    assert after > before


@pytest.mark.slow
def test_with_a_dead_proxy_the_split_is_still_written_for_its_return(tmp_path: Path) -> None:
    with LocalPlatform(tmp_path / "platform", Shape(rate_per_s=1)) as platform:
        target = target_on(platform.directory)
        state(target.apply(Weights.of(50)))
        process = find(platform.record.parts[records.PROXY])
        assert process is not None
        process.kill()
        process.wait()
        answer = target.apply(Weights.of(0))
        assert isinstance(answer, TargetGone)
        assert "100/0, which the proxy will route when it is back" in answer.detail
        assert isinstance(target.observe(), TargetGone)
        text = records.routes_file(platform.directory, "checkout").read_text(encoding="utf-8")
        services = yaml.safe_load(text)["http"]["services"]["checkout"]["weighted"]["services"]
        assert {entry["name"]: entry["weight"] for entry in services} == {
            "checkout-v1": 100,
            "checkout-v2": 0,
        }


@pytest.mark.slow
def test_traffic_is_taken_away_with_prometheus_dead(platform: LocalPlatform, target: LocalTarget) -> None:
    state(target.apply(Weights.of(50)))
    platform.stop_prometheus()
    assert state(target.apply(Weights.of(0))).weights == Weights.of(0)
    platform.start_prometheus()


@pytest.mark.slow
def test_facts_name_the_routers_series_of_exactly_one_version_per_arm(
    platform: LocalPlatform, target: LocalTarget
) -> None:
    facts = target.facts()
    assert facts.router is not None
    assert facts.key == f"local/{platform.directory}/checkout"
    assert facts.source_options == {"url": platform.prometheus_url}
    assert facts.router.arm_labels[Arm.TREATMENT] == {"service": "checkout-v2@file"}
    (matcher,) = facts.router.requests.matchers
    names = [f"checkout-{version}@file" for version in ("v1", "v2", "v3")]
    assert [bool(re.fullmatch(matcher.value, name)) for name in names] == [True, True, False]
    assert [m.value for m in facts.router.errors.matchers] == [matcher.value, "5.."]


@pytest.mark.slow
def test_an_unknown_version_is_named_with_those_there_are(platform: LocalPlatform) -> None:
    with pytest.raises(UsageError, match="checkout has no version v9; it has v1, v2, v3"):
        target_on(platform.directory, "v9").facts()


@pytest.mark.slow
def test_a_platform_that_is_still_starting_is_no_target_yet(platform: LocalPlatform) -> None:
    record = platform.record
    records.write(platform.directory, replace(record, phase="starting"))
    try:
        with pytest.raises(Unreachable, match="still starting"):
            target_on(platform.directory).facts()
    finally:
        records.write(platform.directory, record)


def test_without_a_platform_facts_say_what_to_type(tmp_path: Path) -> None:
    command = f"type: rampwise local up --name {tmp_path} --service checkout=v1,v2"
    with pytest.raises(Unreachable, match=re.escape(command)):
        target_on(tmp_path).facts()


def test_without_a_platform_the_target_is_gone_and_raises_nothing(tmp_path: Path) -> None:
    for answer in (target_on(tmp_path).observe(), target_on(tmp_path).apply(Weights.of(0))):
        assert isinstance(answer, TargetGone)
        assert "rampwise local up" in answer.detail


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 2}'])
def test_a_record_that_cannot_be_read_is_reported_with_a_way_out(tmp_path: Path, text: str) -> None:
    (tmp_path / records.RECORD).write_text(text, encoding="utf-8")
    with pytest.raises(Unreachable, match=r"cannot be read.*rampwise local down"):
        target_on(tmp_path).facts()


def test_a_platform_is_found_by_name_below_home_and_by_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAMPWISE_HOME", str(tmp_path))
    assert records.locate("blue") == tmp_path / "local" / "blue"
    assert records.label(records.locate("blue")) == "blue"
    assert records.label(records.locate(f"{tmp_path}/local/blue")) == "blue"
    assert records.label(records.locate("/elsewhere/blue")) == "/elsewhere/blue"


def test_a_missing_service_names_the_platform_and_others_that_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAMPWISE_HOME", str(tmp_path))
    part = records.Part(pid=1, created_s=0.0, ports={})
    for name, service in (("default", "search"), ("mine", "checkout"), ("yours", "cart")):
        directory = records.locate(name)
        directory.mkdir(parents=True)
        versions = {service: ("v1", "v2")}
        record = records.PlatformRecord(phase="up", starter=part, owned=False, versions=versions, parts={})
        records.write(directory, record)
    said = "the platform default has no service checkout; it has search; another has it: platform: mine"
    with pytest.raises(UsageError, match=f"{said}$"):
        target_on(records.locate("default")).facts()


def test_one_version_cannot_be_both_arms() -> None:
    with pytest.raises(ValidationError, match="two different versions; v1 is named twice"):
        LocalTarget.Options(service="checkout", control="v1", treatment="v1")


def test_a_version_without_traffic_stays_defined_so_that_its_series_stay() -> None:
    backends = {"v1": "http://127.0.0.1:1", "v2": "http://127.0.0.1:2"}
    text = render(Route(service="checkout", backends=backends, weights={"v1": 100}))
    services = yaml.safe_load(text)["http"]["services"]
    assert services["checkout-v2"]["loadBalancer"]["servers"] == [{"url": "http://127.0.0.1:2"}]
    assert {"name": "checkout-v2", "weight": 0} in services["checkout"]["weighted"]["services"]


@pytest.mark.slow
def test_facts_of_several_treatments_name_all_of_their_series(platform: LocalPlatform) -> None:
    facts = target_on(platform.directory, "v2", "v3", sticky="cookie").facts()
    assert (facts.treatment, facts.more_treatments, facts.preview_url) == ("v2", ("v3",), None)
    assert facts.more_labels == ({"service": "checkout", "version": "v3"},)
    assert facts.router is not None
    assert facts.router.more_labels == ({"service": "checkout-v3@file"},)
    names = [f"checkout-{version}@file" for version in ("v1", "v2", "v3", "v1_rest")]
    (matcher,) = facts.router.requests.matchers
    assert [bool(re.fullmatch(matcher.value, name)) for name in names] == [True, True, True, False]


@pytest.mark.slow
def test_the_only_treatment_can_be_reached_without_the_proxy(
    platform: LocalPlatform, target: LocalTarget
) -> None:
    assert target.facts().preview_url == platform.record.url("checkout/v2")


@pytest.mark.slow
def test_assignments_are_all_requests_or_those_of_new_visitors_or_unknown(platform: LocalPlatform) -> None:
    def series(sticky: object) -> tuple[bool, RouterSeries]:
        facts = target_on(platform.directory, sticky=sticky).facts()
        assert facts.router is not None
        return facts.sticky, facts.router

    is_sticky, router = series(False)
    assert (is_sticky, router.assignments) == (False, router.requests)
    is_sticky, router = series("cookie")
    assert is_sticky
    assert router.assignments is not None
    assert format_selector(router.assignments).endswith(',assignment="new"}')
    is_sticky, router = series(BY_HEADER)
    assert (is_sticky, router.assignments) == (True, None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "one of treatment: VERSION and treatments"),
        ({"treatment": "v2", "treatments": ["v3"]}, "one of treatment: VERSION and treatments"),
        ({"treatments": []}, "at least 1 item"),
        ({"treatments": ["v2", "v2"]}, "two different versions; v2 is named twice"),
        ({"treatments": ["v2", "v1"]}, "two different versions; v1 is named twice"),
        ({"treatment": "v2", "sticky": "yes"}, "true or false, cookie, or {header: NAME}"),
        ({"treatment": "v2", "sticky": {"header": "a`b"}}, "true or false, cookie, or {header: NAME}"),
        ({"treatment": "v2", "sticky": {"head": "X"}}, "true or false, cookie, or {header: NAME}"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(said)):
        check_options(LocalTarget, {"service": "checkout", "control": "v1", **options})


@pytest.mark.parametrize("sticky", [False, True, "cookie", BY_HEADER])
def test_options_are_stored_and_read_again_as_they_were(sticky: object) -> None:
    given = {"service": "checkout", "control": "v1", "treatment": "v2", "sticky": sticky}
    options = check_options(LocalTarget, given)
    plain = plain_options(LocalTarget, options)
    assert plain == {**given, "platform": "default"}
    assert check_options(LocalTarget, plain) == options


def test_what_an_experiment_begins_with_is_a_whole_target() -> None:
    assert "{local: {service: checkout, control: v1, treatment: v2}}" in spec.init("local")


def described(route: Route) -> dict[str, Any]:
    """How the proxy describes a route that it took over."""
    http = yaml.safe_load(render(route))["http"]
    return {
        kind: {f"{name}@file": {**entry, "status": "enabled"} for name, entry in http[kind].items()}
        for kind in ("routers", "services")
    }


def split_by(sticky: Sticky) -> Route:
    backends = {"v1": "http://127.0.0.1:1", "v2": "http://127.0.0.1:2"}
    return Route(service="checkout", backends=backends, weights={"v1": 60, "v2": 40}, sticky=sticky)


@pytest.mark.parametrize("sticky", [None, ByCookie(), ByHeader("X-Bucket")])
def test_what_is_rendered_is_read_back(sticky: Sticky) -> None:
    routed = parse_routed("checkout", ["v1", "v2"], described(split_by(sticky)))
    assert (routed.weights, routed.sticky, routed.leftover) == ({"v1": 60, "v2": 40}, sticky, False)


@pytest.mark.parametrize("sticky", [None, ByHeader("X-Bucket")])
def test_what_the_proxy_could_not_take_over_is_not_routed(sticky: Sticky) -> None:
    answer = described(split_by(sticky))
    answer["routers"]["checkout@file"]["status"] = "disabled"
    with pytest.raises(ValueError, match="does not describe checkout"):
        parse_routed("checkout", ["v1", "v2"], answer)


def test_buckets_without_a_router_are_missing_from_the_split() -> None:
    answer = described(split_by(ByHeader("X-Bucket")))
    answer["routers"]["checkout-v2@file"]["status"] = "disabled"
    assert parse_routed("checkout", ["v1", "v2"], answer).weights == {"v1": 60, "v2": 0}


@pytest.mark.parametrize(
    "rule", ["Path(`/checkout`)", "Path(`/`) && HeaderRegexp(`X-Bucket`, `(`)", "HeaderRegexp(`A`, `1`)"]
)
def test_another_rule_than_ours_is_not_taken_for_ours(rule: str) -> None:
    answer = described(split_by(ByHeader("X-Bucket")))
    answer["routers"]["checkout-v2@file"]["rule"] = rule
    with pytest.raises(ValueError, match="does not describe checkout"):
        parse_routed("checkout", ["v1", "v2"], answer)


def test_a_route_left_behind_is_no_change_of_the_split() -> None:
    answer = described(split_by(ByCookie()))
    before = parse_routed("checkout", ["v1", "v2"], answer)
    text = render_leftover("checkout", {"v1": 100}, cookie=True)
    for name, entry in yaml.safe_load(text)["http"]["routers"].items():
        answer["routers"][f"{name}@file"] = entry
    after = parse_routed("checkout", ["v1", "v2"], answer)
    assert after == replace(before, leftover=True)
