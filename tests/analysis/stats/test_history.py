import numpy as np
import pytest
from scipy.signal import lfilter
from statsmodels.tsa.stattools import acovf  # type: ignore[import-untyped]

from analysis.stats.history import FEWEST_WINDOWS, HistoricDispersion, historic_dispersion

MOST_CAUTION = 1.3


def stretch(scores: np.ndarray) -> np.ndarray:
    """Scores of shape (stretches, windows), as of independent trials with variance 1."""
    return np.stack([scores, np.ones_like(scores)], axis=-1)


def found(*scores: np.ndarray) -> HistoricDispersion:
    history = historic_dispersion(*(stretch(one) for one in scores))
    assert history is not None
    return history


def correlated(seed: int, windows: int, rho: float, stretches: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(stretches, windows))
    values[:, 1:] *= np.sqrt(1.0 - rho**2)
    return lfilter([1.0], [1.0, -rho], values, axis=1)


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.8, 0.95])
def test_it_is_the_long_run_variance_of_the_lags_summed_plus_a_little_caution(rho: float) -> None:
    scores = correlated(1, 20_000, rho)
    history = found(scores)
    lags = acovf(scores[0], adjusted=False, demean=False, fft=True, nlag=200)
    direct = float(lags[0] + 2.0 * lags[1 : history.correlation_windows + 1].sum())
    assert 1.0 <= history.value / direct <= MOST_CAUTION + 1e-9
    assert not history.too_long or rho > 0.9
    assert history.windows == 20_000


@pytest.mark.parametrize(("rho", "truth"), [(0.0, 1.0), (0.5, 3.0), (0.8, 9.0), (0.9, 19.0)])
def test_with_much_history_it_is_near_the_truth_and_on_the_safe_side(rho: float, truth: float) -> None:
    values = np.array([found(one[None, :]).value for one in correlated(10, 20_000, rho, stretches=30)])
    standard_error = values.std() / np.sqrt(len(values))
    assert truth - 3 * standard_error <= values.mean() <= 1.25 * truth
    assert values == pytest.approx(np.full(30, truth), rel=0.5)


def test_more_correlation_needs_more_lags() -> None:
    lags = [found(correlated(2, 20_000, rho)).correlation_windows for rho in (0.0, 0.5, 0.8, 0.95)]
    assert lags == sorted(lags)
    assert lags[0] <= 2
    assert lags[-1] > 20


def test_overdispersion_without_correlation_is_found() -> None:
    history = found(np.sqrt(5.0) * correlated(3, 5_000, 0.0))
    assert history.value == pytest.approx(5.0, rel=0.15)


def test_correlation_that_does_not_end_is_said() -> None:
    slow = np.cumsum(np.random.default_rng(4).normal(size=(1, 3_000)), axis=1)
    assert found(slow).too_long


def test_windows_that_vary_less_than_independent_ones_count_as_independent() -> None:
    assert found(0.3 * correlated(5, 5_000, 0.0)).value == 1.0


def test_stretches_are_used_together_and_never_compared() -> None:
    apart = correlated(6, 1_000, 0.8, stretches=20)
    joint, split = found(apart), found(apart[:7], apart[7:])
    assert joint == split
    assert joint.windows == 20_000
    assert joint.value == pytest.approx(9.0 * 1.1, rel=0.2)


def test_short_stretches_beside_a_long_one_do_not_wrap_around() -> None:
    long, short = correlated(7, 4_000, 0.9), correlated(8, 4, 0.9, stretches=300)
    padded = np.concatenate([stretch(short), np.zeros((300, 3_996, 2))], axis=1)
    together, wanted = (
        historic_dispersion(stretch(long), stretch(short)),
        historic_dispersion(stretch(long), padded),
    )
    assert together is not None
    assert wanted is not None
    assert together.value == pytest.approx(wanted.value)
    assert together.correlation_windows == wanted.correlation_windows


def test_too_little_history_says_nothing() -> None:
    enough = correlated(9, FEWEST_WINDOWS, 0.0)
    assert historic_dispersion(stretch(enough)) is not None
    assert historic_dispersion(stretch(enough[:, 1:])) is None
    assert historic_dispersion() is None
    assert historic_dispersion(np.zeros((3, 500, 2))) is None
