"""The stand-in for a cluster keeps the contract that real API servers keep."""

import pytest

from engine.adapters.kubernetes.fake import FakeCluster
from tests.contracts.cluster_contract import ClusterContract


class TestFakeCluster(ClusterContract):
    @pytest.fixture
    def api(self) -> FakeCluster:
        return FakeCluster()

    @pytest.fixture
    def place(self) -> str:
        return "shop"
