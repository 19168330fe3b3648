"""The real server of the tests: started once, with fresh data, in the environment that `make test` builds.

A test module names this one in `pytest_plugins`; all modules then share one server.
"""

from collections.abc import Iterator

import pytest
from local_server import ENV, Server, free_port

from annotate.studio.server import Studio


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the whole run; each test uses a project of its own."""
    if not any(ENV.glob("lib/python*/site-packages/label_studio-*.dist-info/RECORD")):
        pytest.skip(f"no Label Studio in {ENV}; `make test` puts it there")
    made = Server(Studio(tmp_path_factory.mktemp("studio"), ENV), free_port())
    made.up()
    yield made
    made.run("studio", "down")
