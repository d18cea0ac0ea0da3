"""The way in which a real cluster is out of a target's reach, for the contract suites."""

from collections.abc import Callable, Iterator

import pytest

from engine.adapters.kubernetes.client import KubernetesCluster
from engine.errors import Unreachable


class ApiCanVanish:
    """Comes before the contract among a suite's bases."""

    @pytest.fixture
    def vanish(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
        """See `TargetContract.vanish`."""

        def fail(*_: object, **__: object) -> None:
            raise Unreachable("the Kubernetes API gave no usable answer")

        yield lambda: monkeypatch.setattr(KubernetesCluster, "_call", fail)
        monkeypatch.undo()
