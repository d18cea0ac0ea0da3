"""The gate `switch_file`: flags from a JSON file such as `{"checkout-v2": true}`, read anew every time."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import FlagNotFoundError, GeneralError, TypeMismatchError
from openfeature.flag_evaluation import FlagResolutionDetails, Reason
from openfeature.provider import AbstractProvider, Metadata


def switch_file(flag: str, options: Mapping[str, object]) -> "SwitchFile":
    """The provider for `options: {path: FILE}`."""
    del flag  # one file has all flags
    return SwitchFile(Path(str(options["path"])))


class SwitchFile(AbstractProvider):
    """Knows boolean flags only. What it raises becomes `unknown`, which neither opens nor closes."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def get_metadata(self) -> Metadata:
        """The name that people see."""
        return Metadata(name=f"switch file {self._path}")

    def resolve_boolean_details(
        self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[bool]:
        """Whether the switch is on."""
        try:
            switches = json.loads(self._path.read_bytes())
        except (OSError, ValueError) as error:
            msg = f"{self._path} cannot be read: {error}"
            raise GeneralError(msg) from error
        if flag_key not in switches:
            msg = f"{self._path} has no switch {flag_key}"
            raise FlagNotFoundError(msg)
        if not isinstance(switches[flag_key], bool):
            msg = f"{flag_key} in {self._path} is neither true nor false"
            raise TypeMismatchError(msg)
        return FlagResolutionDetails(value=switches[flag_key], reason=Reason.STATIC)

    def _no_other_type(self, *_args: object, **_options: object) -> FlagResolutionDetails[Any]:
        msg = "a switch is boolean"
        raise TypeMismatchError(msg)

    resolve_string_details = _no_other_type
    resolve_integer_details = _no_other_type
    resolve_float_details = _no_other_type
    resolve_object_details = _no_other_type
