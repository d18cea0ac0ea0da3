"""Flags over OFREP through OpenFeature's own SDK and provider for Python."""

import json
from collections.abc import Iterator

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason

from engine.core.target import Weights
from engine.flags.document import document
from tests.web.conftest import Served
from tests.web.test_ofrep import PLAN, VARIANT, ask, exposures
from tests.web.test_ofrep import flags as flags  # noqa: PLC0414 (a fixture of these tests too)

UNITS = 300
"""Every one is asked for by a request of its own; a few would show a different hash."""


@pytest.fixture
def client(served: Served) -> Iterator[OpenFeatureClient]:
    provider = OFREPProvider(served.url)
    api.set_provider_and_wait(provider, domain="shop")
    yield api.get_client("shop")
    api.clear_providers()
    provider.session.close()


def test_pythons_own_provider_gets_every_type(served: Served, client: OpenFeatureClient) -> None:
    ada = EvaluationContext("ada", {"country": "de"})
    assert client.get_integer_value("limit", 9) == 1
    assert client.get_float_value("factor", 9.0) == 1.0
    assert client.get_object_value("theme", {}) == {"bg": "#000"}
    assert client.get_boolean_value("exp.checkout.enabled", False) is True
    details = client.get_string_details(VARIANT, "none", ada)
    assert details.reason is Reason.TARGETING_MATCH
    assert details.value == details.variant
    assert details.flag_metadata["run"] == "checkout-1"
    assert [(each.unit, each.variant) for each in exposures(served)] == [("ada", details.variant)]


def test_pythons_own_provider_falls_back_to_the_code_as_it_should(client: OpenFeatureClient) -> None:
    off = client.get_boolean_details("off", True)
    assert (off.value, off.reason, off.error_code) == (True, Reason.DISABLED, None)
    unknown = client.get_string_details("unknown", "code")
    assert (unknown.value, unknown.error_code) == ("code", ErrorCode.FLAG_NOT_FOUND)
    assert client.get_string_details("mixed", "code").error_code is ErrorCode.PARSE_ERROR


def test_units_are_dealt_as_the_evaluator_itself_deals_them(served: Served) -> None:
    core = FlagdCore()
    core.set_flags(json.dumps(document(PLAN, Weights.of(50))))
    for number in range(UNITS):
        unit = f"u{number}"
        told = ask(served, VARIANT, {"targetingKey": unit}).json()
        assert told["value"] == core.resolve_string_value(VARIANT, "", EvaluationContext(unit)).value
    assert len(exposures(served)) == UNITS
