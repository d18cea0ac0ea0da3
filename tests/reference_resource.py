"""The page of the reference about the resource `ReleaseExperiment`; see `tests.reference_pages`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from engine.controller import resource, status
from engine.controller.crd import GROUP, VERSION, definition
from engine.controller.past import COMMAND_REFUSED
from engine.core.events import Verb

Schema = Mapping[str, Any]

_ABOUT = """\
An experiment in a cluster is an object of this kind. [Run in a cluster](../how-to/run-in-a-cluster.md) says
how to use it, and `kubectl explain rx.spec` what is below. This page is made from the code."""

_ABOUT_SPEC = """\
The fields are those of [a file](experiment.md). Plugins are always written as an object
(`strategy: {canary: {}}`), steps too (`{weight: 5}`), and an amount that is no whole number in quotes
(`margin: {absolute: "0.5"}`)."""

_ABOUT_STATUS = """\
It is made anew from the event log when it is lost. What `phase`, `verdict`, `decision` and `rule` can be is
in [Verdicts, rules and blockers](rules.md)."""

_ABOUT_EVENTS = """\
Every new decision is an event: its reason is the [rule](rules.md#rules) in one word, such as `RolledBack` for
`rolled_back`. Besides:"""

_FINALIZER = (
    f"The finalizer `{resource.FINALIZER}` is there while a run goes on: it keeps an object that is deleted"
    " until control has all traffic."
)

CONDITIONS = {
    status.ACCEPTED: "the document is right and its run was launched; if not, `message` says what is wrong",
    status.BLOCKED: "something is in the way of more traffic; `reason` is the first, `message` has all",
    status.ENDED: "the run has ended; `reason` is its phase in any case",
}

NOTES = {
    resource.COMMAND: f"asks for something: {', '.join(f'`{verb.value}`' for verb in Verb)}",
    resource.REASON: "why it is asked for",
    resource.TREATMENT: "which treatment to promote, where there are several",
    resource.BY: "who asks, as they say themselves",
    resource.OWNER: "who answers for the release; `metadata.owner` of a file",
}

EVENTS = {
    COMMAND_REFUSED: "a command was refused; the message says why",
    "UnknownCommand": f"`{resource.COMMAND}` had a value that is no command",
    "NothingToDo": "a command came after the run had ended",
}


def page() -> str:
    """Fields, refusals, status, conditions, columns, annotations and events."""
    made = definition()["spec"]
    [version] = made["versions"]
    fields = version["schema"]["openAPIV3Schema"]["properties"]
    return "\n".join(
        [
            f"# The resource {made['names']['kind']}",
            "",
            _ABOUT,
            "",
            *_table(("", ""), _names(made)),
            *_section("Spec", _ABOUT_SPEC, ("field", "required", "says"), _top(fields["spec"])),
            *_section(
                "What the API server refuses",
                "Beside what has the wrong type or form, and fields that there are not:",
                ("where", "what it says"),
                _rules(version["schema"]["openAPIV3Schema"], ""),
            ),
            *_section("Status", _ABOUT_STATUS, ("field", "says"), _deep(fields["status"])),
            *_section(
                "Conditions",
                "Each is `True` or `False`.",
                ("condition", "is `True` when"),
                _quoted(CONDITIONS),
            ),
            *_section(
                "Columns",
                "What `kubectl get rx` shows; those marked wide with `-o wide` only.",
                ("column", "from", ""),
                _columns(version),
            ),
            *_section(
                "Annotations",
                "The first four are taken away again once the command is recorded.",
                ("annotation", "says"),
                _quoted(NOTES),
            ),
            "",
            _FINALIZER,
            *_section("Events", _ABOUT_EVENTS, ("reason", "says"), _quoted(EVENTS)),
            "",
        ]
    )


def _names(made: Schema) -> Iterator[tuple[str, ...]]:
    names = made["names"]
    yield "API version", f"`{GROUP}/{VERSION}`"
    yield "kind", f"`{names['kind']}`"
    yield "names for kubectl", ", ".join(f"`{each}`" for each in (*names["shortNames"], names["plural"]))
    yield "category", ", ".join(f"`{each}`" for each in names["categories"])
    yield "scope", "one namespace"


def _top(spec: Schema) -> Iterator[tuple[str, ...]]:
    for name, each in spec["properties"].items():
        yield f"`{name}`", "required" if name in spec.get("required", ()) else "", _said(each)


def _said(schema: Schema) -> str:
    return " ".join(str(schema.get("description", "")).split()).replace("|", r"\|")


def _rules(schema: Schema, path: str) -> Iterator[tuple[str, ...]]:
    for rule in schema.get("x-kubernetes-validations", ()):
        yield f"`{path or '.'}`", rule["message"]
    for name, each in schema.get("properties", {}).items():
        yield from _rules(each, f"{path}.{name}".lstrip("."))
    if isinstance(schema.get("items"), Mapping):
        yield from _rules(schema["items"], f"{path}[]")


def _deep(schema: Schema, path: str = "") -> Iterator[tuple[str, ...]]:
    for name, each in schema.get("properties", {}).items():
        yield f"`{path}{name}`", _said(each)
        yield from _deep(each, f"{path}{name}.")
        yield from _deep(each.get("items", {}), f"{path}{name}[].")


def _columns(version: Schema) -> Iterator[tuple[str, ...]]:
    for column in version["additionalPrinterColumns"]:
        yield column["name"].upper(), f"`{column['jsonPath']}`", "wide" if column["priority"] else ""


def _quoted(rows: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    return ((f"`{name}`", says) for name, says in rows.items())


def _section(title: str, says: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return ["", f"## {title}", "", says, "", *_table(head, rows)]


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows)]
