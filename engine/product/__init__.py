"""Product experiments from Python: `analyze` an experiment file and see the report, in a notebook too.

```python
from engine.product import analyze

analyze("experiment.yaml")
```
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.report.product.notebook import ProductReport

__all__ = ["analyze"]


def analyze(file: str | Path, at_s: float | None = None) -> "ProductReport":
    """Look at a product experiment's tables and say what they say.

    Args:
        file: the experiment's YAML file, with the section `spec.product`.
        at_s: when the look is taken, Unix seconds; if absent now, or when its release ended. A planned look
            (of `fixed` and `group_sequential`) is as of its own time, however late it is taken.

    Raises:
        SpecError: all problems of the document.
        UsageError: it has no such section, what reads its tables is not installed, or the run of its name
            releases other variants.
        StoreError: the database cannot be used.
    """
    # Here, because the command line needs names of this package and nothing heavy for its help.
    from analysis.report.product.notebook import ProductReport  # noqa: PLC0415
    from engine.adapters.clock import SystemClock  # noqa: PLC0415
    from engine.product.looking import analysed, origin_of, plan_in  # noqa: PLC0415
    from engine.product.releasing import course_of, release_in_store  # noqa: PLC0415
    from engine.product.scope import scope_of  # noqa: PLC0415

    path = Path(file)
    plan = plan_in(path)
    now_s = SystemClock().now_s() // 1
    release = release_in_store(plan)
    course = None if release is None else course_of(release)
    scope = scope_of(plan, release, now_s, at_s)
    return ProductReport(analysed(scope, path, now_s), origin_of(path, scope.at_s, course))
