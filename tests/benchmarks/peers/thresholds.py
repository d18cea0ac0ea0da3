"""Fixed limits on the treatment's error rate, as release tools are configured when nobody counts requests."""

import numpy as np

from tests.benchmarks.peers.streams import Bools, Streams

LIMIT = 0.02
CONSECUTIVE = 3
WARM_UP_REQUESTS = 100


def consecutive_crosses(streams: Streams, *, requests: int) -> Bools:
    """The rate is above the limit in three windows of so many treatment requests in a row."""
    bad = streams.per_interval(streams.bad_treatment, requests)
    above = bad > LIMIT * streams.per_interval(streams.treatment, requests)
    in_a_row = above[:, 2:] & above[:, 1:-1] & above[:, :-2]
    looks = requests // streams.per_look
    crosses = np.zeros(streams.treatment.shape, dtype=np.bool_)
    crosses[:, np.arange(CONSECUTIVE, above.shape[1] + 1) * looks - 1] = in_a_row
    return crosses


def cumulative_crosses(streams: Streams) -> Bools:
    """The rate of all requests so far is above the limit, once there are a hundred."""
    bad, total, _, _ = streams.so_far
    crosses: Bools = (bad > LIMIT * total) & (total >= WARM_UP_REQUESTS)
    return crosses
