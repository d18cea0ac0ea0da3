"""The tables: goals beside the figures, and what came to no end is not left out."""

from tests.benchmarks.cluster.fleet import Trial
from tests.benchmarks.cluster.meters import Span
from tests.benchmarks.cluster.outage import Survivors
from tests.benchmarks.cluster.page import Results, markdown
from tests.benchmarks.cluster.scale import Row
from tests.benchmarks.cluster.sizes import QUICK, Sizes, chosen


def a_row(**cpu_s: float) -> Row:
    span = Span(
        seconds=60.0,
        cpu_s=cpu_s,
        rss_mb=dict.fromkeys(cpu_s, 100.0),
        writes=6.0,
        reads=12.0,
        queries=180.0,
    )
    return Row(name="Rampwise, SQLite", span=span, interval_s=10, achieved=0.5, durable=0.25)


def cells(text: str, begin: str) -> list[list[str]]:
    """The cells of every line that begins so."""
    lines = [line for line in text.splitlines() if line.startswith(f"| {begin} ")]
    return [[cell.strip() for cell in line.strip("|").split("|")][1:] for line in lines]


def test_processor_time_is_that_of_one_interval() -> None:
    text = markdown(Results(Sizes(), rows=[a_row(**{"Rampwise": 6.0, "kube-apiserver": 3.0})]))
    used, asked = cells(text, "Rampwise, SQLite")
    assert used == ["50.0%", "25.0%", "1.50", "1.00", "0.50", "", "", ""]
    assert asked == ["0.1", "0.2", "3.0", "100", "100", "", "", ""]
    assert cells(text, "goal")[0][:3] == ["100%", "100%", "2"]


def test_a_trial_without_an_end_is_counted_and_not_averaged() -> None:
    trials = [Trial(crossed_s=2.0, zero_s=zero_s) for zero_s in (4.0, 5.0, 9.0, None)]
    text = markdown(Results(Sizes(), trials={"Rampwise": trials}))
    assert cells(text, "Rampwise")[0] == ["4", "5.0", "4.0", "9.0", "3.0", "1"]


def test_trials_that_all_came_to_no_end_have_no_times() -> None:
    text = markdown(Results(Sizes(), trials={"Rampwise": [Trial(crossed_s=None, zero_s=None)]}))
    assert cells(text, "Rampwise")[0] == ["1", "", "", "", "", "1"]


def test_survivors_are_shown_beside_the_goal() -> None:
    text = markdown(Results(Sizes(), survivors=[Survivors(name="Rampwise", releases=16, kept=15)]))
    assert cells(text, "Rampwise")[0] == ["16", "15"]


def test_what_did_not_come_about_is_told() -> None:
    results = Results(Sizes(), failures=["sqlite: not within 900 s"])
    assert markdown(results).splitlines()[-1] == "- sqlite: not within 900 s"


def test_options_change_the_chosen_sizes_only() -> None:
    sizes = chosen(["--quick", "--parts", "scale,idle", "--trials", "7"])
    assert (sizes.parts, sizes.trials, sizes.experiments) == (("scale", "idle"), 7, QUICK.experiments)
    assert chosen([]) == Sizes()
