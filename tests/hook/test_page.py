"""The code in the how-to does what the page says: asks the engine, and tells it what happened."""

import re
from pathlib import Path

import pytest
from openfeature import api

from engine.core.target import Weights
from engine.flags.document import document
from engine.flags.plan import FlagPlan
from tests.cli.conftest import desk as desk  # noqa: PLC0414
from tests.web.conftest import Served
from tests.web.conftest import served as served  # noqa: PLC0414
from tests.web.test_ofrep import put

PAGE = Path(__file__).parents[2] / "docs/how-to/instrument-an-application.md"


def test_the_code_on_the_page_works(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    plan = FlagPlan(
        experiment="checkout",
        control="v1",
        treatments=("v2",),
        salt="s",
        split_pct=(50, 50),
        testers={"v2": ("ada",)},
        metadata={"run": "r1", "dimensions": "country,browser"},
    )
    put(served, document(plan, Weights.of(50))["flags"])
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[0]
    names: dict[str, object] = {}
    exec(code.replace("http://127.0.0.1:8484", served.url), names)
    assert capsys.readouterr().out.splitlines()[-1] == "the new checkout"
    sender = names["sender"]
    assert sender.flush(10)  # type: ignore[attr-defined]
    assert served.site.applications is not None
    assert served.site.applications.ofrep is not None
    assert served.site.applications.ofrep.exposing.flush(10)
    (exposure,) = served.desk.store.intake.exposures("checkout")
    assert (exposure.unit, exposure.variant) == ("ada", "v2")
    assert exposure.dimensions == {"country": "de", "browser": "firefox"}
    (event,) = served.desk.store.intake.occurrences("checkout")
    assert (event.name, event.value, event.event_id) == ("purchase", 12.5, "order-4711")
    names["api"].get_client().provider._provider.session.close()  # type: ignore[attr-defined]
    api.clear_providers()
    sender.close(5)  # type: ignore[attr-defined]
    sender._session.close()  # type: ignore[attr-defined]
