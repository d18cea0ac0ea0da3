"""The hook tells once who really got a variant, through the real SDK, and never disturbs an evaluation."""

import asyncio
import json
import logging
from typing import Any

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import FlagEvaluationDetails, FlagResolutionDetails, Reason
from openfeature.hook import Hook, HookContext, HookHints

from engine.core.target import Weights
from engine.flags.document import document
from engine.flags.plan import FlagPlan
from engine.intake import Exposure, exposure_id
from engine.intake.cloud import record_of
from engine.openfeature import ExposureHook, Sender
from tests.adapters.answering import Answering
from tests.hook.receiving import Engine

PLAN = FlagPlan(
    experiment="checkout",
    control="v1",
    treatments=("v2",),
    salt="s",
    split_pct=(50, 50),
    metadata={"run": "r7"},
)
VARIANT = "exp.checkout.variant"
ADA = EvaluationContext("ada", {"country": "de", "email": "ada@example.org", "vip": True, "cart": ["x"]})


class Flagd(Answering):
    """flagd's evaluator over a document."""

    def __init__(self, weights_pct: int) -> None:
        super().__init__(FlagResolutionDetails(value=True))
        self.core = FlagdCore()
        self.core.set_flags(json.dumps(document(PLAN, Weights.of(weights_pct))))

    def resolve_string_details(self, flag_key, default_value, evaluation_context=None):
        return self.core.resolve_string_value(flag_key, default_value, evaluation_context)


def client_of(provider: Any, *hooks: Hook) -> OpenFeatureClient:
    api.set_provider_and_wait(provider, domain="shop")
    client = api.get_client("shop")
    client.add_hooks(list(hooks))
    return client


def answering(**changes: Any) -> Answering:
    own = {"value": "v2", "variant": "v2", "reason": Reason.TARGETING_MATCH}
    return Answering(FlagResolutionDetails(**{**own, **changes}))


def test_the_first_exposure_of_a_unit_is_sent_as_the_engine_takes_it(engine: Engine, sender: Sender) -> None:
    client = client_of(Flagd(50), ExposureHook(sender, dimensions=["country", "vip", "cart", "absent"]))
    got = {client.get_string_value(VARIANT, "none", ADA) for _ in range(3)}
    assert sender.flush(10)
    (event,) = engine.events
    record = record_of(event, 4e9)
    assert isinstance(record, Exposure)
    assert (record.experiment, record.unit, {record.variant}) == ("checkout", "ada", got)
    assert record.dimensions == {"country": "de", "vip": "true"}
    assert record.id == exposure_id("checkout", "r7", record.variant, "ada")


async def evaluated(client: OpenFeatureClient) -> str:
    return await client.get_string_value_async(VARIANT, "none", ADA)


def test_asynchronous_evaluations_count_too(engine: Engine, sender: Sender) -> None:
    client = client_of(Flagd(50), ExposureHook(sender))
    assert asyncio.run(evaluated(client)) in {"v1", "v2"}
    assert sender.flush(10)
    assert len(engine.events) == 1


def test_every_unit_and_every_variant_counts(engine: Engine, sender: Sender) -> None:
    hook = ExposureHook(sender)
    client = client_of(Flagd(50), hook)
    for number in range(300):
        client.get_string_value(VARIANT, "none", EvaluationContext(f"u{number}"))
    client_of(answering(variant="v3"), hook).get_string_value(VARIANT, "none", ADA)
    assert sender.flush(10)
    assert len({(data["unit"], data["variant"]) for data in engine.data()}) == 301 == len(engine.events)


@pytest.mark.parametrize("reason", ["STATIC", "TARGETING_MATCH", "SPLIT", "CACHED"])
def test_a_variant_that_was_used_counts(engine: Engine, sender: Sender, reason: str) -> None:
    client_of(answering(reason=Reason(reason)), ExposureHook(sender)).get_string_value(VARIANT, "none", ADA)
    assert sender.flush(10)
    assert len(engine.events) == 1


@pytest.mark.parametrize(
    "provider",
    [
        answering(reason=Reason.DEFAULT),
        answering(reason=Reason.DISABLED, variant=None),
        answering(reason=Reason.STALE),
        answering(reason=Reason.ERROR),
        answering(reason=None),
        answering(variant=None),
        answering(value=7),
        Answering(RuntimeError("away")),
    ],
)
def test_a_default_or_an_error_is_no_exposure(engine: Engine, sender: Sender, provider: Any) -> None:
    client_of(provider, ExposureHook(sender)).get_string_value(VARIANT, "none", ADA)
    assert sender.flush(10)
    assert engine.events == []


class Breaking(Hook):
    """Breaks every evaluation after the fact: the application gets its default."""

    def after(self, hook_context: HookContext, details: FlagEvaluationDetails[Any], hints: HookHints) -> None:
        raise RuntimeError("broken")


def test_a_variant_that_another_hook_took_away_is_no_exposure(engine: Engine, sender: Sender) -> None:
    client = client_of(answering(), Breaking(), ExposureHook(sender))
    assert client.get_string_value(VARIANT, "none", ADA) == "none"
    assert sender.flush(10)
    assert engine.events == []


@pytest.mark.parametrize("key", ["theme", "exp.checkout.enabled", "exp.checkout.arm"])
def test_other_flags_and_evaluations_of_nobody_are_none_of_ours(
    engine: Engine, sender: Sender, key: str
) -> None:
    client = client_of(answering(), ExposureHook(sender))
    client.get_string_value(key, "none", ADA)
    client.get_string_value(VARIANT, "none")
    assert sender.flush(10)
    assert engine.events == []


def test_what_found_no_place_is_told_at_the_next_evaluation(engine: Engine, sender: Sender) -> None:
    small = Sender(engine.url, token="", most=1)
    engine.may.clear()
    client = client_of(answering(), ExposureHook(small))
    for number in range(20):
        client.get_string_value(VARIANT, "none", EvaluationContext(f"u{number}"))
    assert small.lost > 10
    engine.may.set()
    told: set[str] = set()
    while len(told) < 20:
        for number in range(20):
            client.get_string_value(VARIANT, "none", EvaluationContext(f"u{number}"))
            assert small.flush(10)
        told = {data["unit"] for data in engine.data()}
    assert len(engine.events) == 20
    small.close(5)
    assert small._session is not None
    small._session.close()


def test_a_hook_in_trouble_breaks_nothing(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> bool:
        raise RuntimeError("no")

    monkeypatch.setattr(sender, "send", broken)
    client = client_of(answering(), ExposureHook(sender))
    assert client.get_string_details(VARIANT, "none", ADA).error_code is None


def test_an_exposure_is_logged_by_opentelemetrys_names(
    sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("shop.flags")
    client = client_of(Flagd(50), ExposureHook(sender, logger=logger))
    with caplog.at_level(logging.INFO, logger="shop.flags"):
        got = [client.get_string_value(VARIANT, "none", ADA) for _ in range(2)]
    (record,) = [record for record in caplog.records if record.name == "shop.flags"]
    told = {name: value for name, value in vars(record).items() if name.startswith("feature_flag.")}
    assert record.getMessage() == "feature_flag.evaluation"
    assert told == {
        "feature_flag.key": VARIANT,
        "feature_flag.result.variant": got[0],
        "feature_flag.result.reason": "targeting_match",
        "feature_flag.context.id": "ada",
        "feature_flag.provider.name": "answering",
    }


def test_a_dimension_that_can_be_no_column_is_told_when_the_hook_is_made(sender: Sender) -> None:
    for name in ("appVersion", "unit", "", "1st"):
        with pytest.raises(ValueError, match="dimensions"):
            ExposureHook(sender, dimensions=[name])
