"""`rampwise ab sample`: a shop's data to try product experiments on.

Talk on stderr, the next command on stdout. Imports stand inside the functions: `--help` stays fast.
"""

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.options import moment
from engine.cli.session import session_of, the_clock
from engine.product.choices import Kept, Planted

_HOUR_S = 3600.0
_DAY_S = 24 * _HOUR_S
_DAYS = 14
_LATE_DAYS = 5


def sample(
    ctx: typer.Context,
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", file_okay=False, help="Where to write; it is made.")
    ],
    visitors: Annotated[
        int, typer.Option("--visitors", metavar="N", min=100, max=20_000_000, help="How many come.")
    ] = 100_000,
    lift: Annotated[
        str,
        typer.Option("--lift", metavar="SHARE", help="How many more orders the treatment's visitors place."),
    ] = "15%",
    fault: Annotated[
        Planted | None, typer.Option("--fault", metavar="NAME", help="What to spoil; see above.")
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="Another number, another shop.")
    ] = 1,
    kept: Annotated[Kept, typer.Option("--format", help="How to write the tables.")] = Kept.PARQUET,
    end_s: Annotated[
        float | None,
        typer.Option("--end", metavar="TIME", parser=moment, help="When the data end. [this hour]"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over what is there.")] = False,
) -> None:
    """Write a sample shop: exposures, events, and an experiment about them.

    Two weeks of visitors who are shown one of two checkouts, with what they do before and after. What is true
    of them is known: with the new checkout they place --lift more orders, and its page loads in 10 % less
    time.

    With --fault the data are wrong, in a way named as the analysis names it: split, unknown_variant, crossed,
    biased_before, early_uneven, machines_uneven, future, events_ended, missing_day, valueless, no_events,
    early_events, duplicates, repeated, machines, before_start, incomplete, old. The faults are as small as
    real ones: it takes about the 100,000 visitors of the default to find split and biased_before.

    Example:
      rampwise ab sample shop
      rampwise ab analyze shop/experiment.yaml
      rampwise ab sample broken --fault split
    """
    from engine.product.sample import write_sample
    from engine.product.shop import Shop

    now_s = end_s if end_s is not None else the_clock().now_s() // _HOUR_S * _HOUR_S
    if fault is Planted.OLD:
        now_s -= _LATE_DAYS * _DAY_S
    shop = Shop(
        starts_s=now_s // _DAY_S * _DAY_S - _DAYS * _DAY_S,
        ends_s=now_s,
        visitors=visitors,
        seed=seed,
        lift=_share(lift),
        fault=fault,
    )
    made = write_sample(directory, shop, kept, over=force)
    session = session_of(ctx)
    session.say(f"Wrote {made.exposures:,} exposures, {made.events:,} events and {made.experiment}.")
    typer.echo(f"rampwise ab analyze {made.experiment}")


def _share(text: str) -> float:
    """A change such as `10%` or `-10%`, as a fraction."""
    from engine.fields import parse_percent

    try:
        size = parse_percent(text.removeprefix("-"))
    except ValueError as error:
        msg = f"{text!r} is not {error}"
        raise typer.BadParameter(msg, param_hint="--lift") from error
    lift = -size if text.startswith("-") else size
    if not -1.0 < lift <= 10.0:
        msg = f"{text!r} is not a change over -100% and up to 1000%"
        raise typer.BadParameter(msg, param_hint="--lift")
    return lift
