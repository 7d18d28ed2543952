from collections.abc import Iterator

import pytest

from tests.torture import works


@pytest.fixture(scope="session")
def whole() -> Iterator[None]:
    """The server loads everything before it forks, which pays off after some kills; rows of tables are kept."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(works.WHOLE, "1")
        yield


@pytest.fixture(autouse=True)
def _whole(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("torture"):
        request.getfixturevalue("whole")
