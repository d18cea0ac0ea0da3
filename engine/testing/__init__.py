"""Contract suites for people who write plugins: what every strategy, target, source, gate and sink must do.

A test class subclasses the suite of its kind and provides the fixtures that the suite names; pytest then runs
the suite's tests with them. Nothing else of Rampwise imports this package, and pytest only here.

    from engine.testing.targets import ReversibleTargetContract

    class TestMyRouter(ReversibleTargetContract):
        ...
"""

try:
    import pytest
except ImportError as error:
    msg = "the contract suites need pytest: pip install 'rampwise[testing]'"
    raise ImportError(msg) from error

SUITES = ("gates", "sinks", "sources", "strategies", "targets")
"""The modules with a suite each."""

# A failing assertion then shows its values, as in a test of one's own.
pytest.register_assert_rewrite(*(f"{__name__}.{suite}" for suite in SUITES))
