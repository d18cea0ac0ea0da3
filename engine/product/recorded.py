"""Tables of what applications told this engine, for as long as a look takes. Analyses nothing.

Rows pass a few thousand at a time from the store to Parquet files, so that memory stays bounded.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from engine.adapters.exported import export
from engine.core.product import ProductPlan
from engine.errors import UsageError
from engine.intake import Intake
from engine.ports import Clock


@contextmanager
def recorded(
    plan: ProductPlan,
    experiment: str,
    intake: Intake,
    clock: Clock,
    now_s: float,
    since_s: float | None = None,
) -> Iterator[ProductPlan]:
    """The plan with a directory of its tables, which is gone at the end of the block.

    Args:
        plan: what is asked.
        experiment: under which name users were exposed.
        intake: where the records are.
        clock: the time while they are read.
        now_s: the time of the look. What happened since then had not come yet: applications go on telling
            while records are read. What is later even than the clock is left for the look to find.
        since_s: exposures before it are of an earlier release: each user is exposed anew by the next one.

    Raises:
        UsageError: nobody was exposed yet. StoreError: the records cannot be read.
    """
    if next(intake.exposures(experiment), None) is None:
        raise UsageError(nobody_exposed(experiment))
    columns = [dimension.column for dimension in plan.dimensions]
    columns += [exclusion.column for exclusion in plan.exclusions]
    own = {"unit", "time", "variant"}
    with tempfile.TemporaryDirectory(prefix="rampwise-ab-") as directory:
        declared = [column for column in columns if column not in own]
        export(
            intake,
            experiment,
            Path(directory),
            declared,
            lambda at_s: not now_s < at_s <= clock.now_s(),
            since_s,
        )
        yield replace(plan, tables=replace(plan.tables, warehouse=directory))


def nobody_exposed(experiment: str) -> str:
    """Why there is nothing to look at, and what to check."""
    return (
        f"nobody was exposed to {experiment} yet, as far as this database knows. Is that its name, and "
        "RAMPWISE_DATABASE the one of `rampwise serve --flags FILE`, to which applications send exposures? "
        "Where tables are elsewhere, `data` of the experiment says so."
    )
