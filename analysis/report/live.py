"""What a server adds to the report's page: a status bar and its script. The report stays."""

from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveBar:
    """Markup that the page takes over unchanged.

    With it the page states no content security policy of its own: the server sends a stricter one.

    Attributes:
        head: for the end of the head. bar: for the top of the body.
    """

    head: Markup
    bar: Markup
