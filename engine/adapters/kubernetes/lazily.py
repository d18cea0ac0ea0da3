"""The cluster that a target's options choose, connected to when it is first needed."""

from functools import cached_property

from engine.adapters.kubernetes.cluster import Cluster
from engine.adapters.kubernetes.options import ClusterOptions
from engine.adapters.kubernetes.watching import COPYING, Sight


class Connection:
    """Makes no call of its own; one given by a test is taken as it is."""

    def __init__(self, options: ClusterOptions, cluster: Cluster | None) -> None:
        self._options = options
        self._given = cluster

    @cached_property
    def cluster(self) -> Cluster:
        """UsageError when no such cluster is configured."""
        if self._given is not None:
            return self._given
        # Importing the client takes longer than most commands run.
        from engine.adapters.kubernetes.client import connect  # noqa: PLC0415

        direct = connect(self._options.context)
        return Sight(direct, lambda: COPYING.of(direct))
