"""What a replay asks of recorded runs before it promotes, rolls back or gives up on them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.replay import Assumed, Outcome, Row, learned, looks_running, replay
from analysis.replay.feed import feed_of, planned_pct
from analysis.replay.sizes import Size, grown
from analysis.stats.history import HistoricDispersion
from analysis.window_files import read_blocks
from engine.core.model import Bound, Experiment, MetricKind
from engine.core.plan import Stage
from engine.errors import UsageError
from tests.builders import a_metric, an_experiment, staged, two_treatments

ERRORS = a_metric(tolerance=Bound(relative=0.0), margin=Bound(relative=0.5), dispersion=1.0)
ONE = an_experiment(metrics=(ERRORS,))
HEADER = "run,window_end,variant,bad,total"
FINE, BROKEN, BETTER = (10, 1000), (500, 1000), (1, 1000)


def rows(
    folder: Path,
    lines: Sequence[str],
    experiment: Experiment = ONE,
    header: str = HEADER,
    assumed: Assumed | None = None,
    max_windows: int = 1000,
) -> dict[str, Row]:
    path = folder / "windows.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    blocks = read_blocks(path, experiment, max_windows=max_windows)
    return {row.run: row for row in replay(experiment, blocks, assumed)}


def run(name: str, *treatments: tuple[int, int], end: str = "") -> list[str]:
    """A run whose control has 10 of 1000 in every window; `end` is added to every row."""
    lines = []
    for index, (bad, total) in enumerate(treatments):
        lines.append(f"{name},{100 + index},v1,10,1000{end}")
        lines.append(f"{name},{100 + index},v2,{bad},{total}{end}")
    return lines


def test_harm_beats_promotion_in_one_window(tmp_path: Path) -> None:
    everything_ships = an_experiment(metrics=(replace(ERRORS, margin=Bound(relative=1e6)),))
    row = rows(tmp_path, run("a", BROKEN), everything_ships)["a"]
    assert (row.outcome, row.windows) == (Outcome.ROLLED_BACK, 1)


def test_windows_without_one_arm_are_no_evidence_but_were_watched(tmp_path: Path) -> None:
    lines = ["a,50,v2,500,1000", *run("a", FINE, BROKEN)]
    row = rows(tmp_path, lines)["a"]
    assert (row.outcome, row.windows, row.treatment_total) == (Outcome.ROLLED_BACK, 3, 3000)


def test_nothing_is_promoted_in_a_window_without_a_reading(tmp_path: Path) -> None:
    floor_met_late = an_experiment(plan=replace(ONE.plan, steps=(replace(ONE.plan.steps[-1], floor=9000),)))
    floor_met_late = replace(floor_met_late, metrics=ONE.metrics)
    lines = run("a", *[BETTER] * 12)
    complete = rows(tmp_path, lines, floor_met_late)["a"]
    assert (complete.outcome, complete.windows) == (Outcome.PROMOTED, 9)
    gap = [line for line in lines if not line.startswith("a,108,v2")]
    late = rows(tmp_path, gap, floor_met_late)["a"]
    assert (late.outcome, late.windows) == (Outcome.PROMOTED, 10)


def test_a_promotion_waits_for_every_metric(tmp_path: Path) -> None:
    second = replace(ERRORS, name="refusals", weight=0.5)
    two = an_experiment(metrics=(replace(ERRORS, weight=0.5), second))
    both = [f"{line},{metric}" for line in run("a", *[BETTER] * 12) for metric in ("errors", "refusals")]
    header = f"{HEADER},metric"
    assert rows(tmp_path, both, two, header)["a"].outcome is Outcome.PROMOTED
    only_one = [line for line in both if line.endswith("errors")]
    assert rows(tmp_path, only_one, two, header)["a"].outcome is Outcome.NO_DATA


def test_this_steps_own_estimate_must_be_inside_the_margin(tmp_path: Path) -> None:
    steps = [*run("a", *[BETTER] * 12, end=",5"), *run("a", (16, 1000), end=",50")]
    steps[-2:] = [line.replace("a,100", "a,200") for line in steps[-2:]]
    row = rows(tmp_path, steps, header=f"{HEADER},weight")["a"]
    # 16 of 1000 is above 1.5 times control's 10 of 1000, whatever the twelve windows before say.
    assert row.outcome is Outcome.UNDECIDED


def test_higher_is_better_turns_everything_round(tmp_path: Path) -> None:
    sales = an_experiment(metrics=(replace(ERRORS, higher_is_better=True),))
    fewer = run("fewer", *[(0, 1000)] * 30)
    more = run("more", *[(30, 1000)] * 30)
    found = rows(tmp_path, [*fewer, *more], sales)
    assert {name: row.outcome for name, row in found.items()} == {
        "fewer": Outcome.ROLLED_BACK,
        "more": Outcome.PROMOTED,
    }


def test_a_run_is_decided_alike_in_any_company(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    worse = rng.uniform(0.5, 8.0, 12)
    runs = [
        run(f"r{number}", *[(int(bad), 1000) for bad in rng.binomial(1000, 0.01 * times, 3 + 12 * number)])
        for number, times in enumerate(worse)
    ]
    fine_grid = an_experiment(metrics=(replace(ERRORS, dispersion=None),), horizon_s=32 * 20)
    together = rows(tmp_path, [line for each in runs for line in each], fine_grid)
    alone = [rows(tmp_path, each, fine_grid) for each in runs]
    assert together == {name: row for each in alone for name, row in each.items()}
    apart = rows(tmp_path, [line for each in runs for line in each], fine_grid, max_windows=300)
    assert together == apart
    assert len({row.outcome for row in together.values()}) > 1


def test_means_without_squares_are_decided_apart_from_those_with(tmp_path: Path) -> None:
    mean = replace(ERRORS, kind=MetricKind.MEAN, margin=Bound(relative=0.1))
    experiment = an_experiment(metrics=(mean,))
    header = "run,window_end,variant,sum,count,sum_sq"
    lines = []
    for name, squares in (("known", "1000"), ("unknown", "")):
        for window in range(3):
            for variant in ("v1", "v2"):
                lines += [f"{name},{window},{variant},{500 + window},500,{squares}"]
    together = rows(tmp_path, lines, experiment, header)
    alone = rows(tmp_path, lines[:6], experiment, header) | rows(tmp_path, lines[6:], experiment, header)
    assert together == alone
    assert {row.treatment_total for row in together.values()} == {1500}


def test_a_metric_that_history_does_not_trust_blocks_and_takes_no_part(tmp_path: Path) -> None:
    swings = HistoricDispersion(value=1.0, correlation_windows=200, too_long=True, windows=4000)
    assumed = Assumed(by_metric={"errors": swings})
    unknown = an_experiment(metrics=(replace(ERRORS, dispersion=None),))
    found = rows(
        tmp_path, [*run("alarm", FINE, BROKEN, FINE), *run("calm", *[BETTER] * 30)], unknown, assumed=assumed
    )
    assert (found["alarm"].outcome, found["alarm"].windows) == (Outcome.UNTRUSTWORTHY, 2)
    assert (found["calm"].outcome, found["calm"].decided_at) == (Outcome.UNTRUSTWORTHY, "")


def test_a_declared_dispersion_comes_before_history(tmp_path: Path) -> None:
    swings = HistoricDispersion(value=50.0, correlation_windows=200, too_long=True, windows=4000)
    row = rows(tmp_path, run("a", BROKEN), assumed=Assumed(by_metric={"errors": swings}))["a"]
    assert row.outcome is Outcome.ROLLED_BACK


def test_history_learns_how_much_more_than_independent_trials_windows_vary(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    rate = np.clip(rng.normal(0.05, 0.02, (10, 400, 2)), 0.001, 1)
    bad = rng.binomial(1000, rate)
    path = tmp_path / "history.csv"
    lines = [
        f"r{r},{w},{variant},{bad[r, w, arm]},1000"
        for r in range(10)
        for w in range(400)
        for arm, variant in enumerate(("v1", "v2"))
    ]
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    known = learned(ONE, read_blocks(path, ONE, max_windows=900)).by_metric["errors"]
    # Of n trials with a rate of mean p and variance v, the number of bad ones varies by n p (1 - p) + n² v.
    expected = 1 + 1000 * 0.02**2 / (0.05 * 0.95)
    assert known.value == pytest.approx(expected, rel=0.1)
    assert known.windows == 4000
    assert not known.too_long


def test_a_history_of_quiet_windows_does_not_vouch_for_busy_ones(tmp_path: Path) -> None:
    unknown = an_experiment(metrics=(replace(ERRORS, dispersion=None),))
    quiet, busy = uneven(200, 1, 3000), uneven(20_000, 60, 40)
    assumed = assumed_from(tmp_path, quiet, unknown)
    with_quiet = rows(tmp_path, busy, unknown, assumed=assumed)
    blind = rows(tmp_path, busy, unknown, assumed=replace(assumed, sizes={}))
    assert assumed.by_metric["errors"].value < 3.0
    # Nothing differs between the arms. Without sizes, history's dispersion calls every fourth run harmful.
    assert sum(row.outcome is Outcome.ROLLED_BACK for row in blind.values()) > 10
    assert sum(row.outcome is Outcome.ROLLED_BACK for row in with_quiet.values()) <= 2


def uneven(trials: int, runs: int, windows: int) -> list[str]:
    """Rows in which each arm has an error rate of its own in every window, the same on average."""
    rng = np.random.default_rng(11)
    bad = rng.binomial(trials, 0.01 * rng.lognormal(-0.125, 0.5, (runs, windows, 2)))
    return [
        f"{r},{100 + w},{variant},{bad[r, w, arm]},{trials}"
        for r in range(runs)
        for w in range(windows)
        for arm, variant in enumerate(("v1", "v2"))
    ]


def assumed_from(folder: Path, lines: Sequence[str], experiment: Experiment) -> Assumed:
    path = folder / "history.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return learned(experiment, read_blocks(path, experiment, max_windows=4000))


def test_history_says_the_same_of_windows_of_its_own_size(tmp_path: Path) -> None:
    unknown = an_experiment(metrics=(replace(ERRORS, dispersion=None),))
    assumed = assumed_from(tmp_path, uneven(1000, 1, 1000), unknown)
    same = uneven(1000, 20, 60)
    with_sizes = rows(tmp_path, same, unknown, assumed=assumed)
    assert with_sizes == rows(tmp_path, same, unknown, assumed=replace(assumed, sizes={}))


@pytest.mark.parametrize(
    ("kind", "header", "cells"),
    [
        (MetricKind.THRESHOLD, "bad,total", "{n},{n}0"),
        (MetricKind.COUNT, "count,weight", "{n},50"),
        (MetricKind.MEAN, "sum,count,sum_sq", "{n},{n},1{n}"),
        (MetricKind.DISTRIBUTION, "le,count", "+Inf,{n}"),
    ],
)
def test_dispersion_grows_with_the_windows_of_every_kind_that_counts(
    tmp_path: Path, kind: MetricKind, header: str, cells: str
) -> None:
    experiment = an_experiment(metrics=(replace(ERRORS, kind=kind, dispersion=None, limit=0.5),))
    path = tmp_path / "windows.csv"
    lines = [f"a,{w},{v},{cells.format(n=n)}" for w, n in enumerate((10, 90)) for v in ("v1", "v2")]
    path.write_text("\n".join([f"run,window_end,variant,{header}", *lines]) + "\n", encoding="utf-8")
    (block,) = read_blocks(path, experiment)
    feed = feed_of(experiment.metrics[0], block, planned_pct(block))
    past = Size(added=10.0, squared=50.0)  # windows of 5 on average
    known = HistoricDispersion(value=1.5, correlation_windows=0, too_long=False, windows=800)
    found = grown(known, past, feed)
    assert found is not None
    first = 100.0 if kind is MetricKind.THRESHOLD else 5.0
    second = first * (1 + 81) / (1 + 9)
    # Beyond 1, with two standard errors of sqrt(2 / 800), in proportion to the size.
    wanted = [1.5 + 0.6 * (size / 5.0 - 1.0) for size in (first, second)]
    assert found[:, 0] == pytest.approx(wanted)


@pytest.mark.parametrize("kind", [MetricKind.RATIO, MetricKind.GAUGE])
def test_what_is_seen_to_vary_needs_no_size(tmp_path: Path, kind: MetricKind) -> None:
    experiment = an_experiment(metrics=(replace(ERRORS, kind=kind, dispersion=None),))
    header, cells = ("value", "5") if kind is MetricKind.GAUGE else ("numerator,denominator", "5,1")
    path = tmp_path / "windows.csv"
    lines = [f"a,1,{v},{cells}" for v in ("v1", "v2")]
    path.write_text("\n".join([f"run,window_end,variant,{header}", *lines]) + "\n", encoding="utf-8")
    (block,) = read_blocks(path, experiment)
    feed = feed_of(experiment.metrics[0], block, planned_pct(block))
    known = HistoricDispersion(value=1.5, correlation_windows=0, too_long=False, windows=800)
    assert grown(known, Size().plus(feed), feed) is None


def test_both_treatments_must_be_harmful_to_roll_back(tmp_path: Path) -> None:
    experiment = two_treatments()
    harmful = [f"one,{w},{v},{b},1000" for w in (1, 2) for v, b in (("v1", 10), ("v2", 500), ("v3", 10))]
    both = [f"both,{w},{v},{b},1000" for w in (1, 2) for v, b in (("v1", 10), ("v2", 500), ("v3", 500))]
    found = rows(tmp_path, [*harmful, *both], experiment)
    assert found["one"].outcome is Outcome.UNDECIDED
    assert (found["both"].outcome, found["both"].treatment_total) == (Outcome.ROLLED_BACK, 2000)


def test_a_count_without_weights_is_refused_and_says_what_to_add(tmp_path: Path) -> None:
    crashes = an_experiment(metrics=(replace(ERRORS, kind=MetricKind.COUNT),))
    lines = ["a,1,v1,9", "a,1,v2,1"]
    with pytest.raises(UsageError, match="run 'a' has none; add a column 'weight'"):
        rows(tmp_path, lines, crashes, "run,window_end,variant,count")


def test_events_are_held_against_planned_traffic(tmp_path: Path) -> None:
    crashes = an_experiment(metrics=(replace(ERRORS, kind=MetricKind.COUNT),))
    header = "run,window_end,variant,count,weight"
    as_planned = [f"fair,{w},{v},{n},10" for w in range(5) for v, n in (("v1", 90), ("v2", 10))]
    too_many = [f"unfair,{w},{v},{n},10" for w in range(5) for v, n in (("v1", 50), ("v2", 50))]
    found = rows(tmp_path, [*as_planned, *too_many], crashes, header)
    assert found["fair"].outcome is Outcome.PROMOTED
    assert (found["unfair"].outcome, found["unfair"].treatment_total) == (Outcome.ROLLED_BACK, 50)


def test_an_objective_that_is_no_bucket_bound_is_refused_with_the_bounds(tmp_path: Path) -> None:
    slow = an_experiment(metrics=(replace(ERRORS, kind=MetricKind.DISTRIBUTION, slo_s=0.3),))
    lines = [f"a,1,{v},{le},9" for v in ("v1", "v2") for le in ("0.25", "0.5", "+Inf")]
    with pytest.raises(UsageError, match=r"the bounds are 0\.25, 0\.5: choose one of them as slo"):
        rows(tmp_path, lines, slow, "run,window_end,variant,le,count")


def test_a_release_without_a_split_is_refused(tmp_path: Path) -> None:
    assert not any(metric.stage is Stage.SPLIT for metric in staged().metrics)
    with pytest.raises(UsageError, match="a blue/green release has one with `bridge`"):
        rows(tmp_path, run("a", FINE), staged())


def level(**bounds: Bound) -> Experiment:
    return an_experiment(metrics=(replace(ERRORS, kind=MetricKind.GAUGE, dispersion=None, **bounds),))


def test_a_part_of_a_level_below_zero_is_refused(tmp_path: Path) -> None:
    # Equal arms would be rolled back: -1 is above -1.05, which is "5 % more" than -1.
    lines = [f"a,{w},{v},-1" for w in range(40) for v in ("v1", "v2")]
    with pytest.raises(UsageError, match=r"control is below 0 \(run 'a', window_end 0\)"):
        rows(tmp_path, lines, level(tolerance=Bound(relative=0.05)), "run,window_end,variant,value")


def test_a_level_below_zero_is_held_against_absolute_bounds(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    lines = [f"a,{w},{v},{rng.normal(-20, 1)}" for w in range(200) for v in ("v1", "v2")]
    absolute = level(tolerance=Bound(absolute=1.0), margin=Bound(absolute=5.0))
    row = rows(tmp_path, lines, absolute, "run,window_end,variant,value")["a"]
    assert row.outcome is Outcome.PROMOTED


def test_a_histogram_of_nothing_but_its_count_has_each_trial_once(tmp_path: Path) -> None:
    experiment = an_experiment(metrics=(replace(ERRORS, kind=MetricKind.DISTRIBUTION),))
    path = tmp_path / "windows.csv"
    path.write_text("window_end,variant,le,count\n1,v1,+Inf,9\n1,v2,+Inf,4\n", encoding="utf-8")
    (block,) = read_blocks(path, experiment)
    feed = feed_of(experiment.metrics[0], block, planned_pct(block))
    assert (feed.control.sum(), feed.treatment.sum()) == (9, 4)


@pytest.mark.parametrize(
    ("kind", "header", "cells", "running"),
    [
        (MetricKind.PROPORTION, "bad,total", "1,{n}", True),
        (MetricKind.COUNT, "count,weight", "{n},50", True),
        (MetricKind.MEAN, "sum,count", "5,{n}", True),
        (MetricKind.DISTRIBUTION, "le,count", "+Inf,{n}", True),
        (MetricKind.GAUGE, "value", "{n}", False),
        (MetricKind.RATIO, "numerator,denominator", "5,{n}", False),
    ],
)
def test_counts_that_rise_in_every_window_look_like_running_totals(
    tmp_path: Path, kind: MetricKind, header: str, cells: str, running: bool
) -> None:
    experiment = an_experiment(metrics=(replace(ERRORS, kind=kind),))

    def looks(*numbers: int) -> bool:
        path = tmp_path / "windows.csv"
        lines = [f"{w},{v},{cells.format(n=n)}" for w, n in enumerate(numbers) for v in ("v1", "v2")]
        path.write_text("\n".join([f"window_end,variant,{header}", *lines]) + "\n", encoding="utf-8")
        (block,) = read_blocks(path, experiment)
        return bool(looks_running(block))

    assert looks(*range(50, 62)) is running
    assert not looks(*range(50, 61))
    assert not looks(*range(50, 62), 40)
