"""The YAML document of a `ReleaseExperiment`, parsed once at the border.

`read` or `parse` gives a checked `Document`, of a release; `read_any` or `parse_any` also that of a
product experiment alone. `build` makes the `Experiment` from a release and the target's facts; `product_plan`
the plan of the A/B test on events, if there is one.
"""

from engine.spec.build import build
from engine.spec.chosen import Chosen
from engine.spec.document import ReleaseExperiment
from engine.spec.product_build import product_plan
from engine.spec.read import (
    AnyDocument,
    Document,
    ProductDocument,
    from_plain,
    parse,
    parse_any,
    read,
    read_any,
)
from engine.spec.write import init, to_plain, to_yaml

__all__ = [
    "AnyDocument",
    "Chosen",
    "Document",
    "ProductDocument",
    "ReleaseExperiment",
    "build",
    "from_plain",
    "init",
    "parse",
    "parse_any",
    "product_plan",
    "read",
    "read_any",
    "to_plain",
    "to_yaml",
]
