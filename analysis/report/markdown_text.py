"""Foreign text made safe inside Markdown. Knows nothing of reports."""

import re

from engine.core.printable import printable

_MEANS_SOMETHING = re.compile(r"([\\`*_{}\[\]<>#|~&$])")
_STARTS_SOMETHING = re.compile(r"^([-+=]|\d+[.)](?!\S))")
_MENTION = re.compile(r"(?<!\w)@(?=\w)")
_NO_MENTION = "@\u2060"
"""With a word joiner, which is not seen: nobody is called by what a report quotes."""


def plain(text: str) -> str:
    r"""The text as it is, on one line: nothing in it becomes a table, a link, an image, HTML or a mention.

    >>> plain("a|b <img> *x*")
    'a\\|b \\<img\\> \\*x\\*'
    """
    line = _MEANS_SOMETHING.sub(r"\\\1", " ".join(printable(text).split()))
    line = _STARTS_SOMETHING.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", line)
    return _MENTION.sub(_NO_MENTION, line)


def code(text: str) -> str:
    r"""The text in a code span, on one line.

    >>> code("a`b")
    '``a`b``'
    """
    line = " ".join(printable(text).split())
    if not line:
        return ""
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    room = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{room}{line}{room}{fence}"


def code_cell(text: str) -> str:
    r"""The text in a code span of a table, where a bar would end the cell even inside of code.

    >>> code_cell('x{a="b|c"}')
    '`x{a="b\\|c"}`'
    """
    return code(text).replace("|", "\\|")


def table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [columns, ("---",) * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
