"""A Label Studio server of one's own: its environment, its login and its life, on this machine only."""

import contextlib
import fcntl
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from ..errors import DataError, ServiceError

RELEASE = "1.23.2"
CONSTRAINTS = Path(__file__).parents[2] / "configs" / "studio-constraints.txt"
HOST = "127.0.0.1"
LOG = "server.log"
_NOWHERE = "http://127.0.0.1:9"  # the discard port: what the server tries to send out ends here at once


@dataclass(frozen=True)
class Studio:
    """Where a local server keeps its data and login (`home`) and its program (`env`)."""

    home: Path
    env: Path


@dataclass(frozen=True)
class Login:
    """How to enter the local server: by e-mail and password in the browser, by token in programs."""

    email: str
    password: str = field(repr=False)
    token: str = field(repr=False)
    people: dict[str, str] = field(default_factory=dict, repr=False)  # e-mail -> password of further annotators


@dataclass(frozen=True)
class Running:
    """A server process; `born` tells it from a later one of its number, `release` is None until it answers."""

    pid: int
    born: str
    port: int
    release: str | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"


def studio_at(home: Path | None, env: Path | None, environ: Mapping[str, str]) -> Studio:
    """The studio that options and environment name, else the one in the user's data folder."""
    home = home or Path(environ.get("COPYDESK_STUDIO_HOME") or _data_folder(environ) / "copydesk" / "studio")
    env = env or Path(environ.get("COPYDESK_STUDIO_ENV") or home / "env")
    return Studio(home.expanduser().absolute(), env.expanduser().absolute())


def start(studio: Studio, port: int, *, user: str, say: Callable[[str], None], patience_seconds: float = 600) -> Running:
    """Starts the server, once it is installed, and returns when it answers; one that runs already is left as it is.

    user: name of the account that is made with the data; it becomes that person's name as an annotator.
    Raises ServiceError when the port is busy, the installation fails or the server does not come up.
    """
    with _lock(studio):
        if (running := status(studio)) is not None:
            if running.port != port:
                raise ServiceError(running.url, "the studio runs there already", "`copydesk studio down` stops it")
            say("it runs already")
            return _wait(studio, running, say, patience_seconds)
        _refuse_busy_port(port)
        install(studio, say)
        login = _make_login(studio, user)
        say("starting Label Studio; the first start prepares its database, which takes about 40 seconds")
        pid = _spawn(studio, login, port)
        running = Running(pid, _birth(pid) or "", port)
        _write_private(studio.home / "server.json", {"pid": pid, "born": running.born, "port": port})
        return _wait(studio, running, say, patience_seconds)


def stop(studio: Studio, *, patience_seconds: float = 20) -> Running | None:
    """Stops the server and keeps its data; returns what was stopped, None where nothing ran."""
    if not studio.home.is_dir():
        return None
    with _lock(studio):
        if (running := status(studio)) is not None:
            _end(running, patience_seconds)
        (studio.home / "server.json").unlink(missing_ok=True)
        return running


def status(studio: Studio) -> Running | None:
    """The server that runs now, None where none does. A process that only has its number by chance is not taken for it."""
    try:
        plain = json.loads((studio.home / "server.json").read_text())
        running = Running(plain["pid"], plain["born"], plain["port"])
    except (OSError, ValueError, KeyError):
        return None
    is_alive = _birth(running.pid) == running.born
    return replace(running, release=_release_at(running.url)) if is_alive else None


def read_login(studio: Studio) -> Login | None:
    """The login kept beside the data, None before the first start."""
    path = studio.home / "credentials.json"
    try:
        return Login(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as err:
        raise DataError(str(path), "cannot be read", "restore the file; without it the data's password is lost") from err


def write_login(studio: Studio, login: Login) -> None:
    """Keeps a login where only its owner can read it."""
    _write_private(studio.home / "credentials.json", asdict(login))


def describe(studio: Studio, running: Running | None) -> str:
    """The state in lines for a person: address, release and process, and the logins."""
    if running is None:
        return f"down; data in {studio.home}"
    login = read_login(studio)
    lines = [f"address   {running.url}", f"release   {running.release or 'starting'}", f"process   {running.pid}"]
    people = {login.email: login.password} | login.people if login else {}
    lines += [f"login     {email}  {password}" for email, password in people.items()]
    return "\n".join([*lines, f"data      {studio.home}"])


def install(studio: Studio, say: Callable[[str], None]) -> None:
    """Makes the server's own environment with the running Python; skipped when it is complete."""
    if any(studio.env.glob(f"lib/python*/site-packages/label_studio-{RELEASE}.dist-info/RECORD")):
        return  # pip writes RECORD of the package last, after all that it depends on
    say(f"installing Label Studio {RELEASE} into {studio.env}; this happens once and takes some minutes")
    pip = [str(studio.env / "bin" / "python"), "-m", "pip", "install", "--quiet", "--progress-bar", "off"]
    for command in (
        [sys.executable, "-m", "venv", str(studio.env)],
        [*pip, f"label-studio=={RELEASE}", "--constraint", str(CONSTRAINTS)],
    ):
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["no reason given"]
            reason = next((line for line in lines if "ERROR" in line), lines[-1])
            raise ServiceError(
                " ".join(command[1:4]), reason, "mend that (pip's settings are taken as they are), then run it again"
            )


def _data_folder(environ: Mapping[str, str]) -> Path:
    home = Path(environ.get("HOME") or Path.home())
    if sys.platform == "darwin":
        return home / "Library" / "Application Support"
    return Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")


@contextlib.contextmanager
def _lock(studio: Studio) -> Iterator[None]:
    """Keeps two starts from using one database."""
    studio.home.mkdir(parents=True, exist_ok=True)
    studio.home.chmod(0o700)  # the database holds what the marked texts say, and the token
    with (studio.home / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            raise ServiceError(str(studio.home), "another `copydesk studio` is at work on it", "wait until it is done") from err
        yield


def _refuse_busy_port(port: int) -> None:
    if (err := _fault_of(port)) is not None:
        raise ServiceError(f"port {port}", f"cannot be used ({err})", "free it, or choose another with --port") from err


def _fault_of(port: int) -> OSError | OverflowError | None:
    """Why a server could not have the port; None where it could."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as err:
            return err
    return None


def _make_login(studio: Studio, user: str) -> Login:
    if (login := read_login(studio)) is None and (studio.home / "label_studio.sqlite3").exists():
        raise DataError(str(studio.home), "has data but no credentials.json", "restore the file, or choose another --home")
    if login is None:
        name = re.sub(r"[^a-z0-9._-]", "", user.lower()).strip(".") or "editor"
        login = Login(f"{name}@localhost", secrets.token_urlsafe(12), secrets.token_hex(20))
        write_login(studio, login)
    return login


def _spawn(studio: Studio, login: Login, port: int) -> int:
    program = str(studio.env / "bin" / "label-studio")
    with (studio.home / LOG).open("wb") as log:
        process = subprocess.Popen(
            [program, "start", "--no-browser", "--internal-host", HOST, "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=studio.home,
            env=_settings(studio, login),
            start_new_session=True,
        )
    process.returncode = 0  # it outlives this command: Python need not warn that it still runs
    return process.pid


def _settings(studio: Studio, login: Login) -> dict[str, str]:
    """The server's whole environment: it takes settings from plain names such as HOST and DEBUG, so nothing is inherited."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")
    return {name: os.environ[name] for name in kept if name in os.environ} | {
        "LABEL_STUDIO_BASE_DATA_DIR": str(studio.home),
        "LABEL_STUDIO_USERNAME": login.email,
        "LABEL_STUDIO_PASSWORD": login.password,
        "LABEL_STUDIO_USER_TOKEN": login.token,
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
        "USE_DEFAULT_BANNED_SUBNETS": "false",  # else a model's service on this machine is refused
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "HTTP_PROXY": _NOWHERE,  # the page of projects fetches tips from the web, for which there is no switch
        "HTTPS_PROXY": _NOWHERE,
        "NO_PROXY": "127.0.0.1,localhost",
        "PYTHONUNBUFFERED": "1",
    }


def _wait(studio: Studio, running: Running, say: Callable[[str], None], patience_seconds: float) -> Running:
    began = told = time.monotonic()
    while True:
        now = status(studio)
        if now is None:
            raise ServiceError(str(studio.home / LOG), f"the server ended: {_last_line(studio)}", "read the log there")
        if now.release:
            return now
        if time.monotonic() - began > patience_seconds:
            raise ServiceError(running.url, f"no answer in {patience_seconds:.0f} seconds", f"read {studio.home / LOG}")
        if time.monotonic() - told >= 10:
            told = time.monotonic()
            say(f"waiting for Label Studio, {told - began:.0f} s")
        time.sleep(0.3)


def _last_line(studio: Studio) -> str:
    return ((studio.home / LOG).read_text(errors="replace").strip() or "no word").splitlines()[-1].strip()


def _release_at(url: str) -> str | None:
    """The Label Studio release that answers there; never through a proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/health", timeout=5) as answer:
            if json.load(answer).get("status") != "UP":
                return None
        with opener.open(f"{url}/api/version", timeout=5) as answer:
            return str(json.load(answer)["release"])
    except (OSError, ValueError, KeyError, AttributeError):
        return None


def _end(running: Running, patience_seconds: float) -> None:
    for sign, seconds in ((signal.SIGTERM, patience_seconds), (signal.SIGKILL, 10.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, sign)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            # a process that is dead already can hold its port until its last thread is gone
            if _birth(running.pid) != running.born and _fault_of(running.port) is None:
                return
            time.sleep(0.1)
        if _birth(running.pid) != running.born:
            return  # another one has the port
    raise ServiceError(f"process {running.pid}", "does not end", "end it by hand")


def _birth(pid: int) -> str | None:
    """What tells this process from a later one of the same number; None when it is gone."""
    if Path("/proc/self/stat").exists():
        try:
            state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return None if state in "ZX" else f"{boot} {fields[18]}"
    found = subprocess.run(["ps", "-o", "lstart=,stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    born, _, state = found.stdout.strip().rpartition(" ")
    return born.strip() if born and "Z" not in state else None


def _write_private(path: Path, plain: object) -> None:
    temporary = path.with_name(f".{path.name}.part")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(plain, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
