"""A real Label Studio server and the command line set up for it."""

import contextlib
import io
import os
import random
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import copydesk
from annotate.studio.connection import Address, Connection
from annotate.studio.server import Studio, read_login

ROOT = Path(__file__).parent.parent
ENV = Path(os.environ.get("COPYDESK_STUDIO_ENV") or ROOT / ".studio" / "env")


@dataclass(frozen=True)
class Server:
    """A running server, and the command line set up for it."""

    studio: Studio
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def login(self) -> tuple[str, str]:
        """E-mail and password of the first account."""
        found = read_login(self.studio)
        assert found is not None
        return found.email, found.password

    @property
    def environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LABEL_STUDIO_")}
        places = {"COPYDESK_STUDIO_HOME": str(self.studio.home), "COPYDESK_STUDIO_ENV": str(self.studio.env)}
        return kept | places | {"USER": "desk", "PYTHONPATH": str(ROOT)}

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, "-m", "copydesk", *map(str, arguments)]

    def run(self, *arguments: object, **environ: str) -> "subprocess.CompletedProcess[str]":
        """Runs `copydesk` with these arguments, in this process, and says how it ended."""
        out, err, code = io.StringIO(), io.StringIO(), 0
        with (
            patch.dict(os.environ, self.environ | environ, clear=True),
            patch.object(sys, "argv", ["copydesk", *map(str, arguments)]),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            try:
                copydesk.main()
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 1
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())

    def ok(self, *arguments: object, **environ: str) -> str:
        """Runs `copydesk`, which must end well, and gives its output."""
        done = self.run(*arguments, **environ)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def fault(self, *arguments: object, **environ: str) -> str:
        """Runs `copydesk`, which must end with one line of complaint, and gives that line."""
        done = self.run(*arguments, **environ)
        assert done.returncode == 1, (done.stdout, done.stderr)
        complaints = [line for line in done.stderr.splitlines() if line.startswith("copydesk: ")]
        assert len(complaints) == 1 and "Traceback" not in done.stderr, done.stderr
        assert done.stderr.splitlines()[-1] == complaints[0]
        return complaints[0]

    def connect(self) -> Connection:
        login = read_login(self.studio)
        assert login is not None
        return Connection(Address(self.url, login.token, is_own=True))

    def up(self) -> None:
        self.ok("studio", "up", "--port", self.port)


def free_port() -> int:
    """A port below those that the system gives to connections: a server that was stopped finds it free when it comes back."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("no free port among a hundred")
