"""Blue/green, A/B and notices with real engines, proxy and Prometheus: all stories run at once."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from engine import spec
from engine.core.decision import BlockerKind, Rule
from engine.core.letter import LetterState
from engine.core.run import Phase
from engine.core.target import ALL_TO_CONTROL
from engine.local.platform import LocalPlatform
from engine.local.processes import free_ports
from engine.local.shape import Shape
from engine.wiring import load_experiment, prepare
from tests.e2e.receiver import Receiver
from tests.e2e.stage import SECRET, SECRET_VARIABLE, World, version_for, visitors
from tests.e2e.world import CONVERSIONS, ERRORS, OVER, Release, await_that, kill, write

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

PROBES = 400
PREVIEW = {"rate": 30, "count": PROBES, "time_limit": "5min", "timeout": "2s", "errors": "20%"}
LONG = {"hold": "120s", "floor": 20}

Story = Callable[[World], None]
STORIES: list[Story] = []


def story(told: Story) -> Story:
    STORIES.append(told)
    return told


@pytest.fixture(scope="module")
def stories(launching_home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[None]]]:
    directory = tmp_path_factory.mktemp("strategies")
    services = {told.__name__.replace("_", "-"): ("v1", "v2", "v3") for told in STORIES}
    shape = Shape(services=services, rate_per_s=50.0, sessions=40, duration_s=900.0)
    ports = free_ports(("receiver", "late"))
    os.environ[SECRET_VARIABLE] = SECRET
    with (
        LocalPlatform(directory / "platform", shape) as platform,
        Receiver(SECRET, ports["receiver"]) as receiver,
    ):
        world = World(directory, platform, receiver, ports["late"])
        try:
            with ThreadPoolExecutor(len(STORIES)) as pool:
                try:
                    yield {told.__name__: pool.submit(told, world) for told in STORIES}
                finally:
                    OVER.set()
        finally:
            OVER.clear()
            for site in world.sites:
                site.close()
            del os.environ[SECRET_VARIABLE]


def blue_green(**settle: object) -> dict:
    return {"blue_green": {"preview": PREVIEW, "settle": settle}}


def switched(run) -> bool:
    return run.weights.treatment == 100 and run.pending is None


@story
def settles(world: World) -> None:
    release = Release.launch(world.main, "settles", blue_green(hold="6s", floor=20))
    run = release.end()
    assert (run.phase, run.ended_by) == (Phase.PROMOTED, Rule.SETTLED), world.main.told(run)
    assert release.routes == {"v1": 0, "v2": 100, "v3": 0}
    assert "settles/v1" not in world.platform.dead_parts()
    assert world.platform.settings("settles", "v1")
    assert 0 < release.trials("errors@preview") <= PROBES
    release.assert_each_act_once()
    release.assert_each_window_once()


@story
def broken(world: World) -> None:
    world.platform.set("broken", "v2", error_rate=0.5)
    notify = world.notify(world.receiver.port)
    release = Release.launch(world.main, "broken", blue_green(hold="6s"), notify=notify)
    run = release.end()
    assert run.phase is Phase.ROLLED_BACK, world.main.told(run)
    assert release.served("v2") == 0
    assert release.routes["v1"] == 100
    assert 0 < release.trials("errors@preview") <= PROBES
    told = await_that("a notice", lambda: world.receiver.about("broken", "rollback"))
    assert told["weights_pct"] == {"v1": 100, "v2": 0}
    assert told["phase"] == "rolled_back"
    (letter,) = [each for each in release.store.letters(run.id) if each.notice.kind == "rollback"]
    await_that("a settled letter", lambda: release.store.letters(run.id)[0].settled_s)
    assert letter.notice.sentence == told["sentence"]
    assert release.store.letters(run.id)[0].settled_s - run.ended_s < 20


@story
def worse_later(world: World) -> None:
    release = Release.launch(world.main, "worse-later", blue_green(**LONG))
    release.wait("the switch", switched)
    await_that("visitors of v2", lambda: release.served("v2") > 50)
    began_s = time.time()
    world.platform.set("worse-later", "v2", error_rate=0.7)
    run = release.end()
    assert (run.phase, run.ended_by) == (Phase.ROLLED_BACK, Rule.HARM), world.main.told(run)
    assert run.ended_s - began_s < 30
    assert release.routes == {"v1": 100, "v2": 0, "v3": 0}
    release.assert_each_act_once()


@story
def closed_later(world: World) -> None:
    release = Release.launch(world.main, "closed-later", blue_green(**LONG))
    release.wait("the switch", switched)
    assert release.routes["v2"] == 100
    closed = world.main.call("gate", "close", "closed-later")
    assert closed.returncode == 0, closed.stderr
    run = release.end(30)
    assert run.phase is Phase.STOPPED, world.main.told(run)
    assert release.routes == {"v1": 100, "v2": 0, "v3": 0}


@story
def bridged(world: World) -> None:
    strategy = blue_green(hold="4s", floor=20)
    strategy["blue_green"]["bridge"] = {"weight": 50, "hold": "4s", "floor": 20}
    release = Release.launch(world.main, "bridged", strategy)
    release.wait("the bridge", lambda run: run.weights.treatment == 50)
    assert release.served("v2") < 400
    run = release.end()
    assert (run.phase, run.ended_by) == (Phase.PROMOTED, Rule.SETTLED), world.main.told(run)
    assert release.trials("http_errors") > 0
    assert release.trials("http_errors@settle") > 0


@story
def killed_twice(world: World) -> None:
    site = world.killed
    site.start("serve", "--listen", "off")
    strategy = blue_green(hold="8s", floor=20)
    strategy["blue_green"]["preview"] = PREVIEW | {"rate": 15, "errors": "10%"}  # so that it takes a while
    release = Release.launch(site, "killed-twice", strategy)
    await_that("probes", lambda: release.trials("errors@preview"))
    kill(site)
    assert release.run.step == 0
    site.start("serve", "--listen", "off")
    release.wait("the switch", switched)
    kill(site)
    site.start("serve", "--listen", "off")
    run = release.end()
    assert (run.phase, run.ended_by) == (Phase.PROMOTED, Rule.SETTLED), site.told(run)
    assert release.trials("errors@preview") <= PROBES
    release.assert_each_act_once()
    release.assert_each_window_once()


@story
def two_treatments(world: World) -> None:
    world.platform.set("two-treatments", "v1", conversion_rate=0.05)
    world.platform.set("two-treatments", "v3", conversion_rate=0.95)
    release = Release.launch(
        world.main,
        "two-treatments",
        {"ab": {"weights": [33, 33], "hold": "25s", "floor": 10}},
        (CONVERSIONS, ERRORS),
        {"treatments": ["v2", "v3"], "sticky": "cookie"},
        notify=world.notify(world.receiver.port),
    )
    release.wait("the split", lambda run: run.weights.treatments == (33, 33) and run.pending is None)
    await_that("visitors of v3", lambda: release.served("v3") > 20)
    browsers = visitors(world, "two-treatments", 40)
    before = [version_for(world, "two-treatments", browser) for browser in browsers]
    assert set(before) == {"v1", "v2", "v3"}
    world.platform.set("two-treatments", "v2", error_rate=0.6)
    run = release.wait("v2 without traffic", lambda run: run.weights.treatment == 0 and run.pending is None)
    assert run.weights.treatments == (0, 33), world.main.told(run)
    assert run.last_rule in {Rule.ARM_HARMFUL, Rule.NOT_YET, Rule.BLOCKED}
    assert release.routes == {"v1": 67, "v2": 0, "v3": 33}
    now = [version_for(world, "two-treatments", browser) for browser in browsers]
    assert [version for version, old in zip(now, before, strict=True) if old != "v2"] == [
        old for old in before if old != "v2"
    ]
    assert "v2" not in now
    run = release.end()
    assert run.phase is Phase.PROMOTED, world.main.told(run)
    assert run.weights.treatments == (0, 100)
    assert release.routes == {"v1": 0, "v2": 0, "v3": 100}
    assert not release.blocked_by(BlockerKind.UNTRUSTWORTHY)
    release.assert_each_act_once()
    release.assert_each_window_once()
    promoted = await_that("a notice", lambda: world.receiver.about("two-treatments", "promoted"))
    assert promoted["weights_pct"] == {"v1": 0, "v2": 0, "v3": 100}
    assert world.receiver.about("two-treatments", "rollback")["rule"] == "arm_harmful"


@story
def by_header(world: World) -> None:
    world.platform.set("by-header", "v1", conversion_rate=0.05)
    world.platform.set("by-header", "v2", conversion_rate=0.95)
    release = Release.launch(
        world.main,
        "by-header",
        {"ab": {"weights": [50], "hold": "25s", "floor": 10}},
        (CONVERSIONS, ERRORS),
        {"treatment": "v2", "sticky": {"header": "X-Bucket"}},
    )
    release.wait("the split", lambda run: run.weights.treatment == 50 and run.pending is None)
    (browser,) = visitors(world, "by-header", 1)
    first = {b: version_for(world, "by-header", browser, **{"X-Bucket": f"{b:02d}"}) for b in range(100)}
    again = {b: version_for(world, "by-header", browser, **{"X-Bucket": f"{b:02d}"}) for b in range(100)}
    assert first == again
    assert sorted(first.values()) == ["v1"] * 50 + ["v2"] * 50
    assert version_for(world, "by-header", browser) == "v1"
    run = release.end()
    assert run.phase is Phase.PROMOTED, world.main.told(run)
    assert release.routes == {"v1": 0, "v2": 100, "v3": 0}


@story
def leftover_route(world: World) -> None:
    world.platform.set("leftover-route", "v2", conversion_rate=0.95)
    parts = (
        world.main,
        "leftover-route",
        {"ab": {"weights": [10], "hold": "30s", "floor": 60}},
        (CONVERSIONS, ERRORS),
        {"treatment": "v2", "sticky": "cookie"},
    )
    prepare(spec.read(write(*parts))).target.apply(ALL_TO_CONTROL)
    world.platform.leave_route_behind("leftover-route", {"v1": 0, "v2": 100})
    release = Release.launch(*parts, on_untrustworthy="rollback", patience="40s")
    run = release.end()
    assert run.ended_by is Rule.UNTRUSTWORTHY_TOO_LONG, world.main.told(run)
    assert release.trials("conversions") > 60, "enough for a promotion"
    assert run.weights == ALL_TO_CONTROL
    assert release.blocked_by(BlockerKind.UNTRUSTWORTHY), release.splits()
    assert load_experiment(release.store.load(run.id)).splits


@story
def told_late(world: World) -> None:
    """The engine dies right after its rollback, and the receiver is down when another one takes over."""
    site = world.late
    site.start("serve", "--listen", "off")
    world.platform.set("told-late", "v2", error_rate=0.7)
    release = Release.launch(
        site,
        "told-late",
        {"canary": {"steps": [50], "hold": "60s", "floor": 20}},
        notify=world.notify(world.late_port),
    )
    run = release.end()
    kill(site)
    assert run.phase is Phase.ROLLED_BACK, site.told(run)

    def letter():
        (only,) = [each for each in release.store.letters(run.id) if each.notice.kind == "rollback"]
        return only

    assert letter().state is LetterState.WAITING
    attempts = letter().attempts
    site.start("serve", "--listen", "off")
    await_that("an attempt in vain", lambda: letter().attempts > attempts and letter().detail)
    with Receiver(SECRET, world.late_port) as receiver:
        told = await_that("the notice", lambda: receiver.about("told-late", "rollback"))
        await_that("a settled letter", lambda: letter().state is LetterState.DELIVERED)
    assert told["weights_pct"] == {"v1": 100, "v2": 0}
    assert SECRET not in (site.home / "engine.log").read_text()


def test_blue_green_settles_and_ends_promoted(stories):
    stories["settles"].result()


def test_a_preview_with_errors_is_rolled_back_without_a_user_served(stories):
    stories["broken"].result()


def test_worse_after_the_switch_goes_back_to_the_kept_colour(stories):
    stories["worse_later"].result()


def test_a_gate_closed_while_settling_gives_control_everything(stories):
    stories["closed_later"].result()


def test_a_bridge_compares_both_before_the_switch(stories):
    stories["bridged"].result()


def test_an_engine_killed_in_preview_and_while_settling_resumes(stories):
    stories["killed_twice"].result()


def test_a_harmful_treatment_is_dropped_and_the_better_one_promoted(stories):
    stories["two_treatments"].result()


def test_buckets_by_header_keep_users_on_their_version(stories):
    stories["by_header"].result()


def test_a_route_left_behind_is_untrustworthy_and_never_promoted(stories):
    stories["leftover_route"].result()


def test_a_rollback_is_told_though_engine_and_receiver_were_down(stories):
    stories["told_late"].result()
