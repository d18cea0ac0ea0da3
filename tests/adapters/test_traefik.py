import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from engine.adapters.traefik import LocalTarget
from engine.adapters.traefik import platform_record as records
from engine.adapters.traefik.routes import Route, parse_routed, publish, render
from engine.core.model import Arm
from engine.core.target import TargetGone, Weights
from engine.errors import Unreachable, UsageError
from engine.local.platform import LocalPlatform
from engine.local.processes import find
from engine.local.shape import Shape
from tests.contracts.target_contract import TargetContract, state
from tests.local.waiting import eventually


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    shape = Shape(services={"checkout": ("v1", "v2", "v3")}, rate_per_s=5)
    with LocalPlatform(tmp_path_factory.mktemp("target") / "platform", shape) as platform:
        yield platform


def target_on(
    directory: Path, *, control: str = "v1", treatment: str = "v2", sticky: bool = False
) -> LocalTarget:
    options = LocalTarget.Options(
        service="checkout", control=control, treatment=treatment, platform=str(directory), sticky=sticky
    )
    return LocalTarget(options)


@pytest.fixture
def target(platform: LocalPlatform) -> LocalTarget:
    return target_on(platform.directory)


@pytest.mark.slow
class TestLocalTargetKeepsTheContract(TargetContract):
    @pytest.fixture
    def target(self, platform: LocalPlatform) -> LocalTarget:
        return target_on(platform.directory)

    @pytest.fixture
    def vanish(self, platform: LocalPlatform) -> Iterator[Callable[[], None]]:
        path = platform.directory / records.RECORD
        kept = path.read_text(encoding="utf-8")
        yield path.unlink
        path.write_text(kept, encoding="utf-8")


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
    plain = state(target.apply(Weights.of(25)))
    sticky = state(target_on(platform.directory, sticky=True).apply(Weights.of(25)))
    assert sticky.weights == plain.weights
    assert sticky.version != plain.version


@pytest.mark.slow
def test_traffic_to_a_third_version_is_a_foreign_split_and_apply_ends_it(
    platform: LocalPlatform, target: LocalTarget
) -> None:
    state(target_on(platform.directory, treatment="v3").apply(Weights.of(40)))
    answer = target.observe()
    assert isinstance(answer, TargetGone)
    assert "v1 60, v2 0, v3 40" in answer.detail
    assert state(target.apply(Weights.of(10))).weights == Weights.of(10)


@pytest.mark.slow
def test_weights_that_do_not_add_up_to_100_are_a_foreign_split(
    platform: LocalPlatform, target: LocalTarget
) -> None:
    backends = platform.record.backends("checkout")
    route = Route(service="checkout", backends=backends, weights={"v1": 3, "v2": 1}, sticky=False)
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
        target_on(platform.directory, treatment="v9").facts()


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
    with pytest.raises(ValidationError, match="name two versions"):
        LocalTarget.Options(service="checkout", control="v1", treatment="v1")


def test_a_version_without_traffic_stays_defined_so_that_its_series_stay() -> None:
    backends = {"v1": "http://127.0.0.1:1", "v2": "http://127.0.0.1:2"}
    text = render(Route(service="checkout", backends=backends, weights={"v1": 100}, sticky=False))
    services = yaml.safe_load(text)["http"]["services"]
    assert services["checkout-v2"]["loadBalancer"]["servers"] == [{"url": "http://127.0.0.1:2"}]
    assert {"name": "checkout-v2", "weight": 0} in services["checkout"]["weighted"]["services"]


@pytest.mark.parametrize("answer", [{}, {"weighted": None}, {"weighted": {"services": [{"weight": 1}]}}])
def test_an_answer_that_is_no_weighted_service_is_not_taken_for_one(answer: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="does not describe checkout"):
        parse_routed("checkout", answer)
