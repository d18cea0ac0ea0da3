"""Asks one real package about given totals. Run by the package's own Python; imports nothing of ours.

Usage: PYTHON answers.py PACKAGE, with `[[bad_t, n_t, bad_c, n_c], ...]` and alpha as JSON on standard input;
prints `{"version": ..., "answers": [...]}`.
"""

# ruff: noqa: PLC0415 - each package is in one environment only

import json
import sys
from importlib.metadata import version


def gbstats(points: list[list[int]], alpha: float) -> list[float]:
    """p-values of the sequential two-sided test, default settings."""
    from gbstats.frequentist.tests import SequentialConfig, SequentialTwoSidedTTest
    from gbstats.models.statistics import ProportionStatistic

    answers = []
    for bad_t, n_t, bad_c, n_c in points:
        control, treatment = ProportionStatistic(n=n_c, sum=bad_c), ProportionStatistic(n=n_t, sum=bad_t)
        result = SequentialTwoSidedTTest(control, treatment, SequentialConfig(alpha=alpha)).compute_result()
        answers.append(float(result.p_value))
    return answers


def savvi(points: list[list[int]], alpha: float) -> list[float]:
    """1 / posterior odds of the Poisson process test, default settings."""
    import numpy as np
    from savvi.multinomial import InhomogeneousPoissonProcess

    answers = []
    for bad_t, n_t, bad_c, n_c in points:
        share = n_t / (n_t + n_c)
        test = InhomogeneousPoissonProcess(alpha, np.array([share, 1 - share]), np.array([[1, -1]]))
        test.update(np.array([bad_t, bad_c]))
        answers.append(float(1 / test.odds))
    return answers


def tea_tasting(points: list[list[int]], alpha: float) -> list[float]:
    """p-values of the proportion metric, default settings."""
    import tea_tasting as tt
    from tea_tasting.aggr import Aggregates

    metric = tt.Proportion("bad", confidence_level=1 - alpha)
    answers = []
    for bad_t, n_t, bad_c, n_c in points:
        control = Aggregates(count_=n_c, mean_={"bad": bad_c / n_c})
        treatment = Aggregates(count_=n_t, mean_={"bad": bad_t / n_t})
        answers.append(float(metric.analyze_aggregates(control, treatment).pvalue))
    return answers


PACKAGES = {"gbstats": gbstats, "savvi": savvi, "tea-tasting": tea_tasting}


def main() -> None:
    """Answer standard input."""
    package = sys.argv[1]
    asked = json.load(sys.stdin)
    answers = PACKAGES[package](asked["points"], asked["alpha"])
    print(json.dumps({"version": version(package), "answers": answers}))


if __name__ == "__main__":
    main()
