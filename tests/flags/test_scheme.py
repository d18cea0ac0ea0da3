import hashlib
from functools import partial

from engine.flags import scheme
from engine.flags.scheme import Scheme


def test_evaluators_that_deal_alike_have_one_fingerprint() -> None:
    def dealt(unit: str) -> str:
        return hashlib.md5(unit.encode()).hexdigest()

    assert scheme.hashing(dealt) == scheme.hashing(partial(dealt))


def test_one_unit_dealt_otherwise_is_another_fingerprint() -> None:
    last = scheme.UNITS[-1]
    assert scheme.hashing(str) != scheme.hashing(lambda unit: "else" if unit == last else unit)


def test_the_scheme_flag_has_more_parts_than_two_schemes_could_share_by_chance() -> None:
    [flag] = scheme.document()["flags"].values()
    assert len(flag["variants"]) == scheme.PARTS == len(flag["targeting"]["fractional"]) - 1
    assert len(set(scheme.UNITS)) == len(scheme.UNITS)


def test_a_scheme_is_told_in_words() -> None:
    made = Scheme(package="core", version="2.0.0", hashing="abc")
    assert str(made) == "core 2.0.0 (hashing abc)"
