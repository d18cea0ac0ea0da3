"""A good document, ways to spoil it, and what its reader says then."""

import pytest

from engine.errors import SpecError
from engine.spec import parse

GOOD = """\
apiVersion: rampwise.dev/v1alpha1
kind: ReleaseExperiment
metadata: {name: checkout-v2}
spec:
  target: {local: {service: checkout, control: v1, treatment: v2}}
  strategy: canary
  metrics:
    - preset: http_errors
    - preset: http_latency
      slo: 500ms
"""
DURATION = "a duration with its unit (ms, s, min, h, d), such as 15s or 5min"


def problems_of(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse(text, "x.yaml")
    return [str(problem) for problem in caught.value.problems]


def edited(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def canary(options: str) -> str:
    return edited("strategy: canary", f"strategy: {{canary: {options}}}")


def strategy(choice: str) -> str:
    return edited("strategy: canary", f"strategy: {{{choice}}}" if ":" in choice else f"strategy: {choice}")


def with_line(line: str) -> str:
    return GOOD + f"  {line}\n"


def errors_with(*lines: str) -> str:
    return edited("http_errors\n", "http_errors\n" + "".join(f"      {line}\n" for line in lines))


def threshold(*lines: str) -> str:
    more = ["name: own", "bad: bad_total", "total: all_total", *lines]
    return GOOD + "    - kind: threshold\n" + "".join(f"      {line}\n" for line in more)
