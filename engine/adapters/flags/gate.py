"""The kill switch of an experiment as a run's gate, read where its flags are."""

import json
from collections.abc import Mapping

from pydantic import TypeAdapter, ValidationError

from engine.adapters.flags.options import FlagPlace
from engine.adapters.flags.places import holder_at
from engine.adapters.gates.flag_file import FlagdProvider
from engine.adapters.kubernetes.cluster import Cluster
from engine.errors import UsageError


def flag_provider(flag: str, options: Mapping[str, object], cluster: Cluster | None = None) -> FlagdProvider:
    """The provider for the place in `options`, as the target `flag` has it; every question reads it anew.

    Raises:
        UsageError: the options are no such place.
    """
    try:
        place = TypeAdapter(FlagPlace).validate_json(json.dumps(dict(options)), strict=True)
    except ValidationError as error:
        msg = f"gate provider flag: {error.errors()[0]['msg']}"
        raise UsageError(msg) from error
    holder = holder_at(place, flag, cluster)
    return FlagdProvider(holder.place, lambda: json.dumps({"flags": holder.read()}))
