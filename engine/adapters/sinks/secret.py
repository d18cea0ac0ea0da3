"""Secrets by reference: options name where a secret is, and it is read for every attempt and kept nowhere.

No text that leaves this module holds a secret's value.
"""

import os
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_MOST_CHARS = 65536


class SecretMissing(Exception):  # noqa: N818 (names the state; never leaves a sink)
    """A secret cannot be read; the text says what to set, never what it was."""


class SinkOptions(BaseModel):
    """What options of sinks share: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


class Secret(SinkOptions):
    """Where a secret is: `{env: NAME}` or `{file: PATH}`, in the engine that sends."""

    env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Name of an environment variable."""
    file: str | None = Field(default=None, min_length=1)
    """Path of a file that holds the secret and nothing else."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.env is None) == (self.file is None):
            msg = "{env: NAME} or {file: PATH}"
            raise ValueError(msg)
        return self

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return f"the environment variable {self.env}" if self.env is not None else f"the file {self.file}"

    def read(self) -> str:
        """The secret as it is now, without white space around it.

        Raises:
            SecretMissing: it is not there, or is not one line of printable text.
        """
        value = (self._from_file() if self.env is None else os.environ.get(self.env, "")).strip()
        if not value:
            msg = f"{self.place} is not set or empty; the engine that sends needs it"
            raise SecretMissing(msg)
        if not value.isprintable():
            msg = f"{self.place} holds something else than one line of text"
            raise SecretMissing(msg)
        return value

    def _from_file(self) -> str:
        try:
            with Path(self.file or "").open(encoding="utf-8") as file:
                return file.read(_MOST_CHARS)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            msg = f"{self.place} cannot be read: {why}"
            raise SecretMissing(msg) from None
