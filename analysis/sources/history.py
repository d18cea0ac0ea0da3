"""A long past range from any metric source, window by window and in bounded memory. Decides nothing."""

from collections.abc import Iterator, Mapping, Sequence

from engine.core.measure import Missing, MissingReason, Reading, Window
from engine.core.model import Metric
from engine.core.numbers import clock_time
from engine.errors import Unreachable
from engine.ports import Batch, Json, MetricSource

CHUNK_S = 1800.0
"""How much of the past is asked for at once, at most."""

_TOO_MUCH = {MissingReason.SOURCE_SLOW, MissingReason.SOURCE_ERROR}


def read_history(
    source: MetricSource,
    metrics: Sequence[Metric],
    *,
    start_s: float,
    end_s: float,
    window_s: float,
    chunk_s: float = CHUNK_S,
) -> Iterator[tuple[Window, Mapping[str, Reading]]]:
    """Every whole window of the range with its readings, oldest first, exactly as a run would have read them.

    At most `chunk_s` is asked for at once, and half of that (and so on, down to one window) where the source
    gives up on it.

    Args:
        source: where to read.
        metrics: what to read.
        start_s: begin of the first window, epoch seconds.
        end_s: where the past ends; a window that would end later is left out.
        window_s: length of a window in seconds.
        chunk_s: the most that is asked for at once, in seconds.

    Raises:
        Unreachable: the source gives nothing even for one window.
    """
    count, most, done = int((end_s - start_s) / window_s + 1e-9), max(1, int(chunk_s / window_s)), 0
    cursor: Json = {}
    while done < count:
        chunk = [_window(index, start_s, window_s) for index in range(done, min(done + most, count))]
        batch = source.read(metrics, chunk, cursor)
        if batch.trouble:
            most = _smaller(batch.trouble, len(chunk), chunk[0])
            continue
        yield from _paired(chunk, batch)
        cursor, done = batch.cursor, done + len(chunk)


def _window(index: int, start_s: float, window_s: float) -> Window:
    return Window(index=index, start_s=start_s + index * window_s, end_s=start_s + (index + 1) * window_s)


def _paired(chunk: Sequence[Window], batch: Batch) -> Iterator[tuple[Window, Mapping[str, Reading]]]:
    return zip(chunk, batch.readings, strict=True)


def _smaller(trouble: Missing, asked: int, first: Window) -> int:
    """How many windows to ask for instead."""
    if asked > 1 and trouble.reason in _TOO_MUCH:
        return asked // 2
    msg = f"the past from {clock_time(first.start_s)} on cannot be read: {trouble.detail}"
    raise Unreachable(msg)
