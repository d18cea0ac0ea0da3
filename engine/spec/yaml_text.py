"""YAML text to plain data that knows the line of every field, and back. Knows nothing of experiments.

YAML 1.2 scalars only: `on` and `17:00` are texts, not a truth value and a number of minutes. Aliases and tags
are refused: every value stands where it counts, and no text of a few lines means millions of values.
"""

import re
from dataclasses import dataclass, field
from typing import Any, cast

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from engine.errors import Problem, SpecError

MOST_BYTES = 1 << 20
"""What a document may have at most, in UTF-8."""
MOST_VALUES = 20_000
"""What it may hold at most, names included: reading more would take seconds."""

Path = tuple[str | int, ...]
"""Where a value is in the document: field names and list indices."""

_NULL = re.compile(r"~|null|Null|NULL|")
_TRUTH = re.compile(r"true|True|TRUE|false|False|FALSE")
_WHOLE = re.compile(r"[-+]?[0-9]{1,40}")
_NUMBER = re.compile(r"[-+]?(\.[0-9]{1,40}|[0-9]{1,40}(\.[0-9]{0,40})?)([eE][-+]?[0-9]{1,3})?")


class _NotPlain(yaml.MarkedYAMLError):
    """YAML beyond plain values."""


class _Loader(yaml.SafeLoader):
    """Composes nodes without aliases and tags, up to a number."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._values = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        mark = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            raise _NotPlain(problem="an alias (*name)", problem_mark=mark)
        if getattr(event, "tag", None) is not None:
            raise _NotPlain(problem="a tag (!name)", problem_mark=mark)
        self._values += 1
        if self._values > MOST_VALUES:
            raise _NotPlain(problem=f"more than {MOST_VALUES:,} values", problem_mark=mark)
        return super().compose_node(parent, index)


class _Dumper(yaml.SafeDumper):
    """Quotes every text that YAML 1.1 or this module would take for something else."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (PyYAML's way)
        first: list(resolvers) for first, resolvers in yaml.SafeDumper.yaml_implicit_resolvers.items()
    }

    def ignore_aliases(self, data: object) -> bool:
        return True


_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(f"^{_NUMBER.pattern}$"), list("-+.0123456789")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A document as plain data with the line of every field.

    Attributes:
        filename: as problems show it. lines: line (from 1) of every path that the document has.
        problems: duplicate and non-text keys, found on the way.
    """

    filename: str
    data: Any
    lines: dict[Path, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def where(self, path: Path) -> str:
        """`file:line` of a path, or of the nearest thing around it that the document has."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return f"{self.filename}:{self.lines[path[:length]]}"
        return self.filename

    def get(self, path: Path) -> Any:
        """The value at a path, None where there is none."""
        value = self.data
        for step in path:
            match value:
                case dict():
                    value = value.get(step)
                case list() if isinstance(step, int) and step < len(value):
                    value = value[step]
                case _:
                    return None
        return value


def show_path(path: Path) -> str:
    """A path as people write it.

    >>> show_path(("spec", "metrics", 0, "margin"))
    'spec.metrics[0].margin'
    """
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".") or "document"


def load(text: str, filename: str) -> Source:
    """Plain data of the one document in the text.

    Raises:
        SpecError: not YAML, empty, too long, or more than one document.
    """
    if len(text.encode(errors="replace")) > MOST_BYTES:
        raise SpecError((_document_problem(filename, 1, f"more than {MOST_BYTES >> 20} MiB"),))
    try:
        nodes = list(yaml.compose_all(text, Loader=_Loader))
    except yaml.YAMLError as error:
        raise SpecError((_not_yaml(error, filename),)) from error
    except RecursionError as error:
        raise SpecError((_document_problem(filename, 1, "values nested too deeply"),)) from error
    if not nodes:
        raise SpecError((_document_problem(filename, 1, "nothing in the file"),))
    if len(nodes) > 1:
        raise SpecError((_document_problem(filename, nodes[1].start_mark.line + 1, "a second document"),))
    walk = _Walk(filename)
    data = walk.value(nodes[0], ())
    return Source(filename=filename, data=data, lines=walk.lines, problems=tuple(walk.problems))


def dump(data: Any) -> str:
    """YAML text of plain data, fields in their order."""
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return text


def dump_inline(data: Any) -> str:
    """YAML text of plain data on one line."""
    text: str = yaml.dump(
        data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=float("inf"), default_flow_style=True
    )
    return text.removesuffix("...\n").strip()


def _document_problem(filename: str, line: int, found: str) -> Problem:
    return Problem(
        where=f"{filename}:{line}",
        field="document",
        found=f"found {found}",
        expected="expected one ReleaseExperiment (`rampwise init` writes one)",
    )


def _not_yaml(error: yaml.YAMLError, filename: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    reason = getattr(error, "problem", None) or str(error).partition("\n")[0]
    found = reason if isinstance(error, _NotPlain) else f"text that is not YAML ({reason})"
    return Problem(
        where=f"{filename}:{mark.line + 1 if mark else 1}",
        field="document",
        found=f"found {found}",
        expected="expected YAML with every value written out",
    )


class _Walk:
    """Turns nodes into plain data, remembering lines and problems."""

    def __init__(self, filename: str) -> None:
        self._filename = filename
        self.lines: dict[Path, int] = {}
        self.problems: list[Problem] = []

    def value(self, node: Node, path: Path) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        match node:
            case MappingNode():
                return self._mapping(node, path)
            case SequenceNode():
                return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
            case _:
                return _scalar(cast("ScalarNode", node))

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, ScalarNode):
                self._problem(line, path, "a field name that is not text", "a name such as `steps`")
                continue
            inner = (*path, key.value)
            if key.value in data:
                first = self.lines[inner]
                self._problem(line, inner, f"the same field as in line {first}", "every field once")
                continue
            self.lines[inner] = line
            data[key.value] = self.value(value, inner)
        return data

    def _problem(self, line: int, path: Path, found: str, expected: str) -> None:
        where = f"{self._filename}:{line}"
        problem = Problem(
            where=where, field=show_path(path), found=f"found {found}", expected=f"expected {expected}"
        )
        self.problems.append(problem)


def _scalar(node: ScalarNode) -> str | int | float | bool | None:
    text = str(node.value)
    if node.style is not None:
        return text
    if _NULL.fullmatch(text):
        return None
    if _TRUTH.fullmatch(text):
        return text.lower() == "true"
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text
