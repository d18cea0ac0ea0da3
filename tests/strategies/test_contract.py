"""All built-in strategies keep the contract that plugins keep, with and without their options."""

import pytest

from engine.ports import Json, Strategy
from engine.testing.strategies import StrategyContract
from strategies.ab import Ab
from strategies.blue_green import BlueGreen
from strategies.canary import Canary


class TestCanary(StrategyContract):
    @pytest.fixture
    def strategy(self) -> Strategy:
        return Canary()

    @pytest.fixture(params=[{}, {"steps": [5, {"weight": 50, "hold": "1h", "approve": True}], "floor": 7}])
    def options(self, request: pytest.FixtureRequest) -> Json:
        return request.param


class TestAb(StrategyContract):
    @pytest.fixture
    def strategy(self) -> Strategy:
        return Ab()

    @pytest.fixture(
        params=[
            {},
            {"weights": [30, 30, 20], "hold": "2d", "floor": 1000},
            {"canary": {}},
            {"weights": [20, 10], "canary": {"steps": [3, {"weight": 15, "approve": True}], "hold": "1h"}},
        ]
    )
    def options(self, request: pytest.FixtureRequest) -> Json:
        return request.param


class TestBlueGreen(StrategyContract):
    @pytest.fixture
    def strategy(self) -> Strategy:
        return BlueGreen()

    @pytest.fixture(
        params=[
            {},
            {"approve": True, "bridge": {"weight": 10, "hold": "1min"}, "settle": {"hold": "0s"}},
            {"preview": {"path": "/buy?item=1", "latency": {"over": "200ms"}}},
        ]
    )
    def options(self, request: pytest.FixtureRequest) -> Json:
        return request.param
