import pytest
from acme_rampwise.strategy import TwoStep, TwoStepOptions
from pydantic import ValidationError

from engine.ports import Json, Strategy
from engine.testing.strategies import StrategyContract


class TestTwoStep(StrategyContract):
    @pytest.fixture
    def strategy(self) -> Strategy:
        return TwoStep()

    @pytest.fixture(params=[{}, {"first": 1, "second": 99, "pause": "1h", "floor": 5000}])
    def options(self, request: pytest.FixtureRequest) -> Json:
        return request.param


def test_the_second_step_is_above_the_first() -> None:
    with pytest.raises(ValidationError, match="a second step above the first, not 20 after 30"):
        TwoStepOptions(first=30, second=20)
