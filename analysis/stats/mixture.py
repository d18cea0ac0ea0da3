"""Mixtures of likelihood ratios in log space. Holds the prior points; never leaves the log scale.

An e-process is a running bet against a null hypothesis: under the null it reaches 1/alpha with probability at
most alpha, however often one looks (Ville). A weighted average of e-processes is an e-process, which is how
several alternatives, bucket bounds and start points are combined here.
"""

from base64 import b64decode, b64encode
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import PlainSerializer, PlainValidator


def _packed(array: NDArray[np.float64]) -> dict[str, Any]:
    return {"shape": list(array.shape), "f8": b64encode(array.astype("<f8").tobytes()).decode("ascii")}


def _unpacked(plain: Any) -> NDArray[np.float64]:
    return np.frombuffer(b64decode(plain["f8"]), dtype="<f8").astype(np.float64).reshape(plain["shape"])


Floats = Annotated[NDArray[np.float64], PlainValidator(_unpacked), PlainSerializer(_packed)]
"""An array of doubles; in JSON its shape and its bytes, so that it comes back exactly."""

PROMOTE_RATIOS: Floats = np.array([0.5, 0.8, 1.0])
"""Treatment over control in the alternatives of a promotion test."""
PROMOTE_LOG_WEIGHTS: Floats = np.log([0.2, 0.2, 0.6])

BETTER_RATIOS: Floats = np.array([1.05, 1.1, 1.2, 1.5, 2.2])
"""How many times better than control the alternatives of a superiority test are.

Conversions move by 5 to 20 %, far less than errors do. Each logarithm is about twice the one before, so that
for any true ratio in between some bet grows at 85 % of the best rate or more.
"""
BETTER_LOG_WEIGHTS: Floats = np.log([0.2, 0.3, 0.3, 0.1, 0.1])

LOG_NOTHING = -745.0
"""Log of the smallest positive double: stands for an e-value of zero, because JSON has no infinities."""


def log_mix(logs: Floats, log_weights: Floats) -> Floats:
    """Log of the weighted sum of exponentials: `logs` of shape (..., j) with `log_weights` of shape (j,).

    >>> float(log_mix(np.zeros(3), np.log([0.2, 0.2, 0.6])).round(12))
    0.0
    """
    mixed: Floats = np.logaddexp.reduce(logs + log_weights, axis=-1)
    return mixed
