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
    from analysis.product.looks import look_s  # noqa: PLC0415
    from analysis.report.product.notebook import ProductReport  # noqa: PLC0415
    from engine.adapters.clock import SystemClock  # noqa: PLC0415
    from engine.product.looking import analysis_of, origin_of, plan_in, totals_of  # noqa: PLC0415
    from engine.product.releasing import course_of, looked_at_s, release_in_store  # noqa: PLC0415

    path = Path(file)
    plan = plan_in(path)
    now_s = SystemClock().now_s() // 1
    release = release_in_store(plan)
    course = None if release is None else course_of(release)
    when_s = look_s(plan, looked_at_s(plan, release, now_s) if at_s is None else at_s)
    return ProductReport(
        analysis_of(plan, totals_of(plan, path, now_s, when_s), when_s), origin_of(path, when_s, course)
    )
