"""The desk of the command line's tests serves here too."""

import pytest

from tests.cli.conftest import desk
from tests.cli.desk import Desk
from tests.controller.world import World

__all__ = ["desk"]


@pytest.fixture
def world(desk: Desk) -> World:
    return World(desk)
