"""A provider that answers as told, and gates over providers."""

from openfeature.flag_evaluation import FlagResolutionDetails
from openfeature.provider import AbstractProvider, FeatureProvider, Metadata

from engine.adapters.gates import FlagGate
from engine.core.gate import GateState
from engine.core.model import GateChoice


def gate_of(provider: FeatureProvider, timeout_s: float = 2.0) -> FlagGate:
    return FlagGate(
        lambda: provider, GateChoice(flag="checkout", provider="test", options={}), "checkout-v2", timeout_s
    )


def ask(provider: FeatureProvider, timeout_s: float = 2.0) -> GateState:
    return gate_of(provider, timeout_s).read()


class Answering(AbstractProvider):
    """Answers every flag with what it was given, or raises it."""

    def __init__(self, answer: FlagResolutionDetails[bool] | Exception) -> None:
        super().__init__()
        self._answer = answer

    def get_metadata(self) -> Metadata:
        return Metadata(name="answering")

    def resolve_boolean_details(self, flag_key, default_value, evaluation_context=None):
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    resolve_string_details = resolve_boolean_details
    resolve_integer_details = resolve_boolean_details
    resolve_float_details = resolve_boolean_details
    resolve_object_details = resolve_boolean_details
