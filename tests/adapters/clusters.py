"""What the tests of all targets in a cluster need of a fake one."""

from collections.abc import Callable

import pytest

from engine.adapters.kubernetes.fake import FakeCluster
from engine.core.target import TargetGone
from engine.errors import Unreachable


def gone(answer: object) -> str:
    """What a target that gives no usable answer says."""
    assert isinstance(answer, TargetGone), answer
    return answer.detail


class FakeApiCanVanish:
    """Comes before the contract among a suite's bases; the suite has a `cluster`."""

    @pytest.fixture
    def vanish(self, cluster: FakeCluster) -> Callable[[], None]:
        """See `TargetContract.vanish`."""

        def away() -> None:
            cluster.trouble = Unreachable("the API server does not answer")

        return away
