import pytest

from tests.support.node import Node, installed


@pytest.fixture(scope="session")
def node() -> Node:
    """Node.js with its packages."""
    return installed()
