"""What is wrong with a product experiment gets one clear line each: where, found, expected."""

import pytest

from tests.spec.documents import GOOD, problems_of
from tests.spec.products import edited, metrics, timed, with_line

COLUMN = "a column: a letter or _, then letters, digits or _, at most 63 in all"
SHARES = "two or more variants with whole percents that add up to 100, such as {control: 50, short: 50}"
MOMENT = "a time with its offset from UTC, such as 2026-11-02T00:00:00Z or 2026-11-02T09:00+01:00"
NO_PASSWORD = (
    "found a URL with a password; expected a URL without it, and the environment variable PGPASSWORD "
    "(PostgreSQL) or RAMPWISE_WAREHOUSE_PASSWORD, because documents are kept and shown"
)
PLANNED = """\
    method: group_sequential
    starts: 2026-11-02T00:00:00Z
    ends: 2026-11-30T00:00:00Z
"""


def within(method: str) -> str:
    return (
        f"within: with how long a unit's events count, such as 7d, because {method} is read once, "
        "when no number changes any more; or role: quality, or method: anytime"
    )


CASES = {
    "no question": (
        edited("    question: Do more visitors buy with the short checkout?\n", ""),
        (
            "x.yaml:11: spec.product.question: found nothing; "
            "expected what the experiment shall tell, in a sentence"
        ),
    ),
    "question of nothing": (
        edited("Do more visitors buy with the short checkout?", '""'),
        "x.yaml:12: spec.product.question: found ''; expected some text on one line",
    ),
    "unit of many words": (
        with_line(f"unit: {'u' * 31}"),
        (
            f"x.yaml:17: spec.product.unit: found '{'u' * 31}'; "
            "expected a word such as user or account, at most 30 characters"
        ),
    ),
    "shares short of a hundred": (
        edited("short: 50", "short: 40"),
        f'x.yaml:13: spec.product.variants: found {{"control": 50, "short": 40}}; expected {SHARES}',
    ),
    "a single variant": (
        edited("control: 50, short: 50", "control: 100"),
        f'x.yaml:13: spec.product.variants: found {{"control": 100}}; expected {SHARES}',
    ),
    "variant without a share": (
        edited("control: 50, short: 50", "control: 100, short: 0"),
        f'x.yaml:13: spec.product.variants: found {{"control": 100, "short": 0}}; expected {SHARES}',
    ),
    "share with a unit": (
        edited("short: 50", "short: 50%"),
        "x.yaml:13: spec.product.variants.short: found '50%'; expected a whole number",
    ),
    "name of a variant with blanks": (
        edited("short: 50", "short one: 50"),
        (
            'x.yaml:13: spec.product.variants: found {"control": 50, "short one": 50}; '
            "expected names of letters, digits, _, . or -, at most 63, unlike 'short one'"
        ),
    ),
    "nobody is control": (
        edited("control: 50", "long: 50"),
        (
            "x.yaml:11: spec.product.control: found 'control', which is no variant; "
            "expected control: with one of: long, short"
        ),
    ),
    "control that is no variant": (
        with_line("control: old"),
        (
            "x.yaml:17: spec.product.control: found 'old', which is no variant; "
            "expected control: with one of: control, short"
        ),
    ),
    "data of nothing": (
        edited("    data: data/\n", "    data: {exposures: a}\n"),
        (
            "x.yaml:14: spec.product.data.warehouse: found nothing; "
            "expected a directory of Parquet or CSV files, "
            "or how to connect, as duckdb://FILE, and without a password"
        ),
    ),
    "password": (
        edited("data/", "postgres://me:secret@db/shop"),
        f"x.yaml:14: spec.product.data: {NO_PASSWORD}",
    ),
    "password as a parameter": (
        edited("data/", '{warehouse: "postgres://me@db/shop?sslmode=require&password=secret"}'),
        f"x.yaml:14: spec.product.data.warehouse: {NO_PASSWORD}",
    ),
    "password behind a broken host": (
        edited("data/", '{warehouse: "postgres://me:secret@[db/shop"}'),
        f"x.yaml:14: spec.product.data.warehouse: {NO_PASSWORD}",
    ),
    "unknown column": (
        edited("data/", "{warehouse: data/, columns: {user: user_id}}"),
        (
            "x.yaml:14: spec.product.data.columns.user: found an unknown field; "
            "expected one of: id, name, time, unit, variant"
        ),
    ),
    "one column for two": (
        edited("data/", "{warehouse: data/, columns: {variant: unit}}"),
        (
            "x.yaml:14: spec.product.data.columns.variant: found 'unit', which is also the column unit of "
            "exposures; expected a column of its own"
        ),
    ),
    "one column of events for two": (
        edited("data/", "{warehouse: data/, columns: {name: what, id: what}}"),
        (
            "x.yaml:14: spec.product.data.columns.id: found 'what', which is also the column name of events; "
            "expected a column of its own"
        ),
    ),
    "dimension of variants": (
        with_line("dimensions: [country, variant]"),
        (
            "x.yaml:17: spec.product.dimensions[1]: found 'variant', which is also the column variant of "
            "exposures; expected another column of exposures, such as country"
        ),
    ),
    "dimension twice": (
        with_line("dimensions: [country, {column: country, exploratory: true}]"),
        (
            "x.yaml:17: spec.product.dimensions[1]: found 'country', which is also dimensions[0]; "
            "expected another column of exposures, such as country"
        ),
    ),
    "dimension of a number": (
        with_line("dimensions: [5]"),
        "x.yaml:17: spec.product.dimensions[0]: found 5; expected a mapping of fields",
    ),
    "exclusion without values": (
        with_line("exclude: {is_bot: []}"),
        'x.yaml:17: spec.product.exclude.is_bot: found []; expected at least one value, such as ["true"]',
    ),
    "exclusion of a truth value": (
        with_line("exclude: {is_bot: [true]}"),
        (
            "x.yaml:17: spec.product.exclude.is_bot[0]: found true; "
            "expected text (in quotes, if it looks like a number)"
        ),
    ),
    "exclusion by no column": (
        with_line('exclude: {"is bot": ["true"]}'),
        f'x.yaml:17: spec.product.exclude: found {{"is bot": ["true"]}}; expected {COLUMN}',
    ),
    "exclusion of a variant": (
        with_line("exclude: {variant: [short]}"),
        (
            "x.yaml:17: spec.product.exclude.variant: found the column variant of exposures; "
            "expected a column that tells bots or testers"
        ),
    ),
    "most events of none": (
        with_line("most_events: 0"),
        "x.yaml:17: spec.product.most_events: found 0; expected greater than or equal to 1",
    ),
    "unknown method": (
        with_line("method: peeking"),
        (
            "x.yaml:17: spec.product.method: found 'peeking'; "
            "expected 'anytime', 'fixed' or 'group_sequential'"
        ),
    ),
    "planned looks without an end": (
        timed("method: group_sequential", "starts: 2026-11-02T00:00:00Z"),
        (
            "x.yaml:11: spec.product.ends: found nothing; "
            "expected ends: with the planned end, from which group_sequential knows when to look"
        ),
    ),
    "planned looks without a start": (
        timed("method: group_sequential", "ends: 2026-11-30T00:00:00Z"),
        (
            "x.yaml:11: spec.product.starts: found nothing; "
            "expected starts: with the time of the first exposure, from which group_sequential knows "
            "when to look"
        ),
    ),
    "one look without an end": (
        timed("method: fixed"),
        (
            "x.yaml:11: spec.product.ends: found nothing; "
            "expected ends: with the planned end, from which fixed knows when to look"
        ),
    ),
    "one look at numbers that never settle": (
        with_line("method: fixed", "ends: 2026-11-30T00:00:00Z"),
        f"x.yaml:16: spec.product.metrics[0].within: found nothing; expected {within('fixed')}",
    ),
    "planned looks at a guardrail that never settles": (
        metrics(
            "{conversion: purchase, within: 7d}",
            "{count: page_view, role: guardrail}",
            "{count: visit}",
            "{retention: {event: visit, from: 7d, within: 14d}, role: guardrail}",
        )
        + PLANNED,
        f"x.yaml:17: spec.product.metrics[1].within: found nothing; expected {within('group_sequential')}",
    ),
    "e_bh at planned looks": (
        timed("method: fixed", "ends: 2026-11-30T00:00:00Z", "correction: e_bh"),
        (
            "x.yaml:20: spec.product.correction: found e_bh with fixed; "
            "expected holm, or method: anytime, whose evidence it needs"
        ),
    ),
    "looks at any time": (
        with_line("looks: 5"),
        "x.yaml:17: spec.product.looks: found 5 with anytime; expected no looks, or method: group_sequential",
    ),
    "spending at the end": (
        timed("method: fixed", "ends: 2026-11-30T00:00:00Z", "spending: pocock"),
        (
            "x.yaml:20: spec.product.spending: found 'pocock' with fixed; "
            "expected no spending, or method: group_sequential"
        ),
    ),
    "a single look": (
        timed("looks: 1") + PLANNED,
        "x.yaml:18: spec.product.looks: found 1; expected greater than or equal to 2",
    ),
    "a look every day": (
        timed("looks: 21") + PLANNED,
        "x.yaml:18: spec.product.looks: found 21; expected less than or equal to 20",
    ),
    "alpha of a percentage": (
        with_line("alpha: 5%"),
        (
            "x.yaml:17: spec.product.alpha: found '5%'; "
            "expected a probability over 0 and at most 0.5, such as 0.05"
        ),
    ),
    "power of a coin": (
        with_line("power: 0.2"),
        (
            "x.yaml:17: spec.product.power: found 0.2; "
            "expected a probability of at least 0.5 and below 1, such as 0.8"
        ),
    ),
    "mde without unit": (
        with_line("mde: 0.02"),
        "x.yaml:17: spec.product.mde: found 0.02; expected a percentage such as 4%",
    ),
    "mde of nothing": (
        with_line("mde: 0%"),
        "x.yaml:17: spec.product.mde: found '0%'; expected a percentage over 0%, such as 2%",
    ),
    "day without a time": (
        with_line("ends: 2026-11-30"),
        f"x.yaml:17: spec.product.ends: found '2026-11-30'; expected {MOMENT}",
    ),
    "time without an offset": (
        with_line("starts: 2026-11-30T00:00:00"),
        f"x.yaml:17: spec.product.starts: found '2026-11-30T00:00:00'; expected {MOMENT}",
    ),
    "day that there is not": (
        with_line("ends: 2026-11-31T00:00:00Z"),
        f"x.yaml:17: spec.product.ends: found '2026-11-31T00:00:00Z'; expected {MOMENT}",
    ),
    "seconds since 1970": (
        with_line("ends: 1795996800"),
        f"x.yaml:17: spec.product.ends: found 1795996800; expected {MOMENT}",
    ),
    "end before the start": (
        with_line("starts: 2026-11-30T00:00:00Z", "ends: 2026-11-30T00:00:00+01:00"),
        (
            "x.yaml:18: spec.product.ends: found '2026-11-30T00:00:00+01:00'; "
            "expected a time after starts, 2026-11-30T00:00:00Z"
        ),
    ),
    "section that is a text": (
        GOOD + "  product: yes\n",
        "x.yaml:11: spec.product: found 'yes'; expected a mapping of fields",
    ),
    "unknown field": (
        with_line("dimension: [country]"),
        "x.yaml:17: spec.product.dimension: found an unknown field; expected dimensions",
    ),
}


@pytest.mark.parametrize(("text", "problem"), CASES.values(), ids=CASES.keys())
def test_each_problem_says_where_what_was_found_and_what_is_right(text: str, problem: str) -> None:
    assert problems_of(text) == [problem]


@pytest.mark.parametrize("data", ["[postgres://me:secret@db]", '"postgres://me:secret@db/\\u0001"'])
def test_no_problem_shows_a_password(data: str) -> None:
    problems = problems_of(edited("data/", data))
    assert problems
    assert "secret" not in "".join(problems)
