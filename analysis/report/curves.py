"""The latency curves of a report as a chart: shares of trials slower than each bucket bound. Pure."""

from collections.abc import Iterator

from analysis.report.latency import Curve, LatencyRow
from analysis.report.plot import Axis, Chart, Line, Range, Sample, Tick, log_ticks
from engine.core.numbers import amount, percent

_LEAST_SHARE = 1e-4
"""Smaller shares are drawn at the edge."""


def curve_chart(row: LatencyRow) -> Chart | None:
    """Both arms on logarithmic axes, where a tail is seen as well as the body; None without two bounds."""
    bounds_s = [place.bound_s for place in row.control.above if place.bound_s > 0.0]
    if len(bounds_s) < 2:
        return None
    across = Range(low=bounds_s[0], high=bounds_s[-1])
    return Chart(
        from_s=across.low,
        until_s=across.high,
        axis=_shares(row),
        lines=tuple(
            Line(name=curve.variant, samples=tuple(_samples(curve)), look=look)
            for look, curve in enumerate((row.control, row.treatment))
        ),
        across=Axis(
            title="latency",
            room=across,
            ticks=tuple(Tick(at=at, label=amount(at, "s")) for at in log_ticks(across)),
            log=True,
        ),
    )


def _shares(row: LatencyRow) -> Axis:
    seen = [place.share for curve in (row.control, row.treatment) for place in curve.above if place.share]
    room = Range(low=max(min(seen, default=_LEAST_SHARE) / 2, _LEAST_SHARE), high=1.0)
    ticks = tuple(Tick(at=at, label=percent(at)) for at in log_ticks(room))
    return Axis(title="share slower", room=room, ticks=ticks, log=True)


def _samples(curve: Curve) -> Iterator[Sample]:
    for place in curve.above:
        if place.bound_s > 0.0:
            yield Sample(at_s=place.bound_s, value=place.share, low=place.low, high=place.high)
