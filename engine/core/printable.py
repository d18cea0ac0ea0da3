"""Foreign text made safe for a terminal. Changes nothing that can be read."""


def printable(text: str) -> str:
    r"""The text with every control character written out, but for line breaks and tabs.

    What a server, a provider or another user says must not move the cursor, colour or clear the screen.

    >>> printable("v2\x1b[2Jgone\n\u202eok")
    'v2\\x1b[2Jgone\n\\u202eok'
    """
    return "".join(char if char.isprintable() or char in "\n\t" else _written_out(char) for char in text)


def _written_out(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
