"""The YAML document of a `ReleaseExperiment`, parsed once at the border.

`read` or `parse` gives a checked `Document`; `build` makes the `Experiment` from it and the target's facts;
`product_plan` the plan of its A/B test on events, if it has one.
"""

from engine.spec.build import build
from engine.spec.document import ReleaseExperiment
from engine.spec.product_build import product_plan
from engine.spec.read import Chosen, Document, from_plain, parse, read
from engine.spec.write import init, to_plain, to_yaml

__all__ = [
    "Chosen",
    "Document",
    "ReleaseExperiment",
    "build",
    "from_plain",
    "init",
    "parse",
    "product_plan",
    "read",
    "to_plain",
    "to_yaml",
]
