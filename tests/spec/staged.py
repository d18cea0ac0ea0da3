"""Documents of every strategy, and what they mean for a target."""

import pytest

from engine.core.model import Experiment
from engine.core.target import TargetFacts
from engine.errors import SpecError
from engine.spec import build, parse
from tests.spec.documents import edited

PREVIEW_URL = "http://127.0.0.1:9002"
CONVERSIONS = "    - preset: conversions\n"
QUALITY = "    - {kind: distribution, name: render, buckets: render_bucket, role: quality}\n"
BRIDGE = "{bridge: {weight: 20}}"


def blue_green(options: str = "{}", more: str = "") -> str:
    return edited("strategy: canary", f"strategy: {{blue_green: {options}}}") + more


def ab(options: str = "{}", more: str = CONVERSIONS) -> str:
    return edited("strategy: canary", f"strategy: {{ab: {options}}}") + more


def of(text: str, facts: TargetFacts) -> Experiment:
    return build(parse(text, "x.yaml"), facts)


def problem_of(text: str, facts: TargetFacts) -> str:
    with pytest.raises(SpecError) as caught:
        of(text, facts)
    return str(caught.value)
