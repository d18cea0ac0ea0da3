"""Native histograms for tests: a client that observes, as the HTTP API shows it, and written to a Prometheus.

Remote write needs two small encodings (a protobuf message and a snappy block of literals), written out here.
"""

import math
import struct
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import requests

_LITERAL = 1 << 15


class Client:
    """A native histogram of one process."""

    def __init__(self, schema: int = 3) -> None:
        self.schema = schema
        self.values: list[float] = []

    def observe(self, *values: float) -> "Client":
        self.values += values
        return self

    def buckets(self) -> dict[int, int]:
        """Observations by bucket number; number i ends at 2^(i / 2^schema)."""
        found = Counter(math.ceil(math.log2(value) * 2**self.schema) for value in self.values if value > 0)
        return dict(sorted(found.items()))

    def zeros(self) -> int:
        return sum(value == 0 for value in self.values)

    def shown(self) -> dict[str, Any]:
        """A sample as the HTTP API writes it."""
        rows: list[list[object]] = [[3, "-1e-128", "1e-128", str(self.zeros())]] if self.zeros() else []
        for number, count in self.buckets().items():
            ends = (2.0 ** ((number - 1) / 2**self.schema), 2.0 ** (number / 2**self.schema))
            rows.append([0, *(repr(end) for end in ends), str(count)])
        return {"count": str(len(self.values)), "sum": repr(sum(self.values)), "buckets": rows}

    def encoded(self, at_s: float) -> bytes:
        """The `Histogram` message of remote write."""
        buckets = self.buckets()
        deltas, before, spans, at = b"", 0, b"", 0
        for number, count in buckets.items():
            spans += _message(11, _varint_field(1, _zigzag(number - at)) + _varint_field(2, 1))
            deltas += _varint(_zigzag(count - before))
            before, at = count, number + 1
        return (
            _varint_field(1, len(self.values))
            + _double_field(3, sum(self.values))
            + _varint_field(4, _zigzag(self.schema))
            + _double_field(5, 1e-128)
            + _varint_field(6, self.zeros())
            + spans
            + _message(12, deltas)
            + _varint_field(15, round(at_s * 1000))
        )


def write_histogram(url: str, name: str, labels: Mapping[str, str], at_s: float, client: Client) -> None:
    """Send one sample to a Prometheus that receives remote writes."""
    _send(url, name, labels, _message(4, client.encoded(at_s)))


def write_value(url: str, name: str, labels: Mapping[str, str], at_s: float, value: float) -> None:
    """Send one plain sample."""
    sample = _double_field(1, value) + _varint_field(2, round(at_s * 1000))
    _send(url, name, labels, _message(2, sample))


def _send(url: str, name: str, labels: Mapping[str, str], sample: bytes) -> None:
    pairs = sorted({"__name__": name, **labels}.items())
    texts = (_message(1, key.encode()) + _message(2, value.encode()) for key, value in pairs)
    series = b"".join(_message(1, text) for text in texts) + sample
    answer = requests.post(
        f"{url}/api/v1/write",
        data=_snappy(_message(1, series)),
        headers={"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"},
        timeout=10,
    )
    assert answer.ok, answer.text


def _snappy(data: bytes) -> bytes:
    """A block of literals with two-byte lengths: valid, and not compressed at all."""
    return _varint(len(data)) + b"".join(_literals(data))


def _literals(data: bytes) -> Iterable[bytes]:
    for first in range(0, len(data), _LITERAL):
        piece = data[first : first + _LITERAL]
        yield bytes([61 << 2]) + struct.pack("<H", len(piece) - 1) + piece


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def _zigzag(value: int) -> int:
    return 2 * value if value >= 0 else -2 * value - 1


def _message(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint_field(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _double_field(number: int, value: float) -> bytes:
    return _varint(number << 3 | 1) + struct.pack("<d", value)
