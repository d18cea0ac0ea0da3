"""Names of exposures, and what is remembered of them."""

from hypothesis import given
from hypothesis import strategies as st

from engine.intake import Seen, experiment_of, exposure_id, is_exposure

TEXT = st.text(max_size=5)


@given(TEXT, TEXT, TEXT, TEXT)
def test_an_exposure_has_the_same_name_wherever_it_is_told(a: str, b: str, c: str, d: str) -> None:
    assert exposure_id(a, b, c, d) == exposure_id(a, b, c, d)


@given(st.lists(st.tuples(TEXT, TEXT, TEXT, TEXT), unique=True, max_size=20))
def test_other_exposures_have_other_names(told: list[tuple[str, str, str, str]]) -> None:
    assert len({exposure_id(*each) for each in told}) == len(told)


def test_only_flags_that_tell_a_variant_are_ours() -> None:
    assert experiment_of("exp.a.b.variant") == "a.b"
    for key in ("exp.variant", "exp..variant", "exp.a.variant.x", "xexp.a.variant", "exp.a.arm"):
        assert experiment_of(key) is None


def test_defaults_disabled_flags_and_errors_are_no_exposures() -> None:
    for reason in ("STATIC", "TARGETING_MATCH", "SPLIT", "CACHED"):
        assert is_exposure(reason, "v2")
        assert not is_exposure(reason, "")
        assert not is_exposure(reason, None)
    for other in ("DEFAULT", "DISABLED", "ERROR", "STALE", "UNKNOWN", "", None):
        assert not is_exposure(other, "v2")


def test_a_key_is_new_once() -> None:
    seen = Seen()
    assert [seen.is_new(key) for key in ("a", "b", "a")] == [True, True, False]
    seen.forget("a")
    seen.forget("never seen")
    assert seen.is_new("a")


def test_only_so_many_keys_are_remembered_and_those_not_asked_for_go_first() -> None:
    seen = Seen(most=2)
    assert [seen.is_new(key) for key in ("a", "b", "a", "c", "a", "b")] == [
        True,
        True,
        False,
        True,
        False,
        True,
    ]
