"""At most one leader at any time, whatever becomes of the API server."""

from dataclasses import dataclass

import pytest

from engine.adapters.kubernetes.cluster import LEASES, Moved
from engine.adapters.kubernetes.fake import FakeCluster
from engine.controller.election import LEASE_S, MARGIN_S, RENEW_S, Election
from engine.errors import Unreachable


@dataclass
class Clock:
    at_s: float = 0.0

    def __call__(self) -> float:
        return self.at_s


class World:
    def __init__(self) -> None:
        self.clock, self.cluster = Clock(), FakeCluster()
        self.a, self.b = self.candidate("a"), self.candidate("b")

    def candidate(self, name: str) -> Election:
        return Election(
            cluster=self.cluster, namespace="rampwise", name="lease", identity=name, now_s=self.clock
        )

    @property
    def holder(self) -> str:
        return self.cluster.get(LEASES, "rampwise", "lease")["spec"]["holderIdentity"]


@pytest.fixture
def world() -> World:
    return World()


def test_nobody_leads_before_trying(world):
    assert not world.a.leads()


def test_the_first_leads_and_the_second_stands_by(world):
    assert world.a.attempt()
    assert not world.b.attempt()
    assert (world.holder, world.a.leads(), world.b.leads()) == ("a", True, False)


def test_a_leader_that_renews_stays(world):
    assert world.a.attempt()
    for _ in range(20):
        world.clock.at_s += RENEW_S
        assert world.a.attempt()
        assert not world.b.attempt()


def test_a_dead_leader_is_followed_within_fifteen_seconds(world):
    assert world.a.attempt()
    waited_s = 0.0
    while not world.b.attempt():
        world.clock.at_s += RENEW_S
        waited_s += RENEW_S
    assert LEASE_S <= waited_s <= 15.0
    assert not world.a.leads()


def test_a_leader_stops_before_another_may_begin(world):
    assert world.a.attempt()
    world.b.attempt()
    world.cluster.trouble = Unreachable("down")
    world.clock.at_s += LEASE_S - MARGIN_S - 0.1
    assert world.a.attempt()
    world.clock.at_s += 0.2
    assert not world.a.attempt()


def test_a_deposed_leader_sees_it_at_once(world):
    assert world.a.attempt()
    lease = world.cluster.get(LEASES, "rampwise", "lease")
    lease["spec"]["holderIdentity"] = "b"
    world.cluster.put(LEASES, lease)
    assert not world.a.attempt()


def test_two_that_want_a_free_lease_at_once_do_not_both_get_it(world):
    assert world.a.attempt()
    world.a.resign()
    read = world.cluster.get

    def read_by_both(*args):
        lease = read(*args)
        world.cluster.get = read
        assert world.a.attempt()
        return lease

    world.cluster.get = read_by_both
    assert not world.b.attempt()
    assert world.a.leads()


def test_who_resigns_is_followed_at_once(world):
    assert world.a.attempt()
    world.a.resign()
    assert not world.a.leads()
    assert world.b.attempt()


@pytest.mark.parametrize("trouble", [Unreachable("down"), Moved("meanwhile")])
def test_resigning_needs_no_answer(world, trouble):
    assert world.a.attempt()
    world.cluster.trouble = trouble
    world.a.resign()
    assert not world.a.leads()


def test_resigning_takes_nothing_from_another_leader(world):
    world.a.resign()
    assert world.b.attempt()
    world.a.resign()
    assert world.holder == "b"
