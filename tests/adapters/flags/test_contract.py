"""The target `flag` keeps the targets' contract wherever its flags are, and its gate the gates'."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.adapters.flags import FlagTarget, flag_provider
from engine.adapters.flags.in_config_map import CONFIG_MAPS
from engine.adapters.gates import write_flag
from engine.adapters.gates.providers import Factory
from engine.adapters.kubernetes.fake import FakeCluster
from engine.ports import Json
from engine.testing.gates import FLAG, AskingGateContract
from engine.testing.targets import SeveralTreatmentsContract, TidyTargetContract
from tests.adapters.clusters import FakeApiCanVanish
from tests.adapters.flags.places import IN_MAP, IN_RESOURCE, NAMESPACE, cluster_with_flags, launched

TWO = ["short", "long"]


class TestFlagsInAFile(TidyTargetContract, SeveralTreatmentsContract):
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        return tmp_path / "flags.json"

    @pytest.fixture
    def target(self, file: Path) -> FlagTarget:
        return launched(file)

    @pytest.fixture
    def several(self, file: Path) -> FlagTarget:
        return launched(file, treatments=TWO)

    @pytest.fixture
    def vanish(self, file: Path) -> Callable[[], None]:
        return file.mkdir


class TestFlagsWithAPlannedSplit(TestFlagsInAFile):
    @pytest.fixture
    def target(self, file: Path) -> FlagTarget:
        return launched(file, split_pct=[50, 50])

    @pytest.fixture
    def several(self, file: Path) -> FlagTarget:
        return launched(file, treatments=TWO, split_pct=[34, 33, 33], testers={"long": ["ada"]})


class TestFlagsInAConfigMap(FakeApiCanVanish, TidyTargetContract, SeveralTreatmentsContract):
    place: Mapping[str, Any] = IN_MAP

    @pytest.fixture
    def cluster(self) -> FakeCluster:
        return cluster_with_flags()

    @pytest.fixture
    def target(self, cluster: FakeCluster) -> FlagTarget:
        return launched(dict(self.place), cluster)

    @pytest.fixture
    def several(self, cluster: FakeCluster) -> FlagTarget:
        return launched(dict(self.place), cluster, treatments=TWO)


class TestFlagsInAFeatureFlag(TestFlagsInAConfigMap):
    place = IN_RESOURCE


class TestKillSwitchInAFile(AskingGateContract):
    @pytest.fixture
    def factory(self) -> Factory:
        return flag_provider

    @pytest.fixture
    def options_of(self, flags: Path) -> Callable[[bool], Json]:
        return lambda is_open: {"file": str(write_flag(FLAG, is_open=is_open, path=flags))}

    @pytest.fixture
    def unreachable(self, tmp_path: Path) -> Json:
        return {"file": str(tmp_path)}


class TestKillSwitchInAConfigMap(AskingGateContract):
    @pytest.fixture
    def cluster(self) -> FakeCluster:
        return cluster_with_flags()

    @pytest.fixture
    def factory(self, cluster: FakeCluster) -> Factory:
        return partial(flag_provider, cluster=cluster)

    @pytest.fixture
    def options_of(self, cluster: FakeCluster) -> Callable[[bool], Json]:
        def put(is_open: bool) -> Json:
            variants = {"on": True, "off": False}
            switch = {"state": "ENABLED", "variants": variants, "defaultVariant": "on" if is_open else "off"}
            meta = {"name": "flags", "namespace": NAMESPACE}
            document = json.dumps({"flags": {FLAG: switch}})
            cluster.put(CONFIG_MAPS, {"metadata": meta, "data": {"flags.json": document}})
            return IN_MAP

        return put

    @pytest.fixture
    def unreachable(self) -> Json:
        return {"config_map": {"name": "nowhere", "namespace": NAMESPACE}}
