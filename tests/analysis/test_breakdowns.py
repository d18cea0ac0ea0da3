"""Parts of metrics through the whole evaluation: named where harm shows, and in no decision's way."""

from collections.abc import Mapping
from dataclasses import replace
from math import log

from analysis import evaluate
from analysis.stats.discoveries import ALPHA
from engine.core.measure import Missing, MissingReason, Reading
from engine.core.model import Experiment, Matcher, Metric, Role
from engine.core.verdict import Verdict, VerdictKind
from tests.analysis.evaluating import trials, window
from tests.builders import a_metric, an_experiment

PAY, CART = "errors (route=/pay)", "errors (route=/cart)"
GONE = Missing(reason=MissingReason.NO_SERIES, detail="control: no series")
WHOLE = trials(12, 1_000, 10, 1_000)
FAILING, FINE = trials(60, 200, 2, 200), trials(1, 800, 8, 800)


def part(name: str, **changes: object) -> Metric:
    route = name.partition("=")[2].rstrip(")")
    return a_metric(
        **{
            "name": name,
            "measure": name,
            "role": Role.QUALITY,
            "weight": 0.0,
            "family": "errors",
            "segment": Matcher(label="route", op="=", value=route),
            **changes,
        }
    )


BY_ROUTE = an_experiment(metrics=(a_metric(), part(PAY), part(CART)))


def judged(experiment: Experiment, *windows: Mapping[str, Reading]) -> Verdict:
    evidence = evaluate.start(experiment)
    observations = [replace(window(i), readings=readings) for i, readings in enumerate(windows)]
    return evaluate.verdict(experiment, evaluate.update(experiment, evidence, observations))


def read(whole: Reading, pay: Reading, cart: Reading) -> dict[str, Reading]:
    return {"errors": whole, PAY: pay, CART: cart}


def test_a_part_that_is_worse_is_named_and_rolls_nothing_back() -> None:
    verdict = judged(BY_ROUTE, *[read(WHOLE, FAILING, FINE)] * 5)
    pay, cart = verdict.finding(PAY), verdict.finding(CART)
    assert (pay.discovered, pay.verdict, pay.family) == (True, VerdictKind.HARMFUL, "errors")
    assert (cart.discovered, cart.verdict) == (False, VerdictKind.UNDECIDED)
    assert not verdict.harm_latched
    assert verdict.kind is not VerdictKind.HARMFUL
    assert verdict.finding("errors").verdict is not VerdictKind.HARMFUL
    assert (verdict.finding("errors").family, verdict.finding("errors").discovered) == ("", False)


def test_everything_said_of_whole_metrics_is_as_without_parts() -> None:
    windows = [read(WHOLE, FAILING, FINE)] * 5
    with_parts = judged(BY_ROUTE, *windows)
    without = judged(BY_ROUTE.without_parts(), *[{"errors": WHOLE}] * 5)
    assert with_parts.finding("errors") == without.finding("errors")
    assert (with_parts.kind, with_parts.log_e_harm) == (without.kind, without.log_e_harm)
    assert (with_parts.arms, with_parts.data_until_s) == (without.arms, without.data_until_s)


def test_a_part_without_series_is_no_data_and_holds_nothing_up() -> None:
    windows = [read(trials(10, 4_000, 10, 4_000), GONE, GONE)] * 40
    verdict = judged(BY_ROUTE, *windows)
    assert verdict.kind is VerdictKind.NOT_WORSE
    assert verdict.data_until_s is not None
    assert verdict.finding(PAY).verdict is VerdictKind.NO_DATA


def test_what_is_harmful_for_a_while_may_be_named_no_more() -> None:
    harm = [read(WHOLE, FAILING, FINE)] * 3
    calm = [read(WHOLE, trials(0, 2_000, 600, 2_000), FINE)] * 10
    assert judged(BY_ROUTE, *harm).finding(PAY).discovered
    later = judged(BY_ROUTE, *harm, *calm).finding(PAY)
    assert later.log_e_harm_max > later.log_e_harm
    assert not later.discovered
    assert later.verdict is VerdictKind.UNDECIDED


def test_a_part_that_swings_for_long_is_not_trusted_with_little_evidence() -> None:
    """Only a part among others may be named with an e-value that would roll nothing back on its own."""
    swings = an_experiment(metrics=(a_metric(), part(PAY, dispersion=None), part(CART, dispersion=None)))
    low, high = trials(5, 500, 15, 500), trials(15, 500, 5, 500)
    windows = [read(WHOLE, low if i // 48 % 2 == 0 else high, FINE) for i in range(384)]
    found = judged(swings, *windows).finding(PAY)
    assert 0.0 < found.log_e_harm < log(1 / ALPHA)
    assert found.verdict is VerdictKind.UNTRUSTWORTHY
    assert not found.discovered
