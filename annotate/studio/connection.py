"""Talking to a Label Studio server, this machine's own or a team's: every fault of it is one clear line."""

import contextlib
import json
import re
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..errors import DataError, ServiceError
from .server import Studio, read_login, status, write_login

if TYPE_CHECKING:
    import httpx

Task = dict[str, Any]  # Any: Label Studio's JSON

_EVERYTHING = {
    "drafts": {"only_id": False},
    "predictions": {"only_id": False},
    "annotations__completed_by": {"only_id": False},
}


@dataclass(frozen=True)
class Address:
    """Where a server is and the key that opens it."""

    url: str
    key: str = field(repr=False)
    is_own: bool  # the server that `copydesk studio up` started


@dataclass(frozen=True)
class Person:
    """An account; `handle` is the short name that stands in records."""

    id: int
    email: str
    handle: str


@dataclass(frozen=True)
class Project:
    """What is needed of a project."""

    id: int
    label_config: str
    instructions: str


def find_address(url: str | None, environ: Mapping[str, str], studio: Studio) -> Address:
    """The server to talk to: the option's or LABEL_STUDIO_URL's, else the local one that runs.

    The key is LABEL_STUDIO_API_KEY, else the one beside the local server's data, which goes to that server only.
    Raises ServiceError where no server or no key can be found.
    """
    running = status(studio)
    given = (url or environ.get("LABEL_STUDIO_URL") or "").rstrip("/")
    if not given and running is None:
        raise ServiceError("Label Studio", "no server is named and none runs here", "`copydesk studio up`, or give --url")
    place = given or (running.url if running else "")
    try:
        parts = urlsplit(place)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise DataError("--url", "is not an address", "write it like https://labels.example.org, without name or password")
    is_own = running is not None and place.replace("localhost", "127.0.0.1") == running.url
    login = read_login(studio) if is_own else None
    key = (environ.get("LABEL_STUDIO_API_KEY") or (login.token if login else "")).strip()
    if not re.fullmatch("[!-~]+", key):
        finding = f"{'a broken' if key else 'no'} key for this server"
        raise ServiceError(place, finding, "put an access token of your account into LABEL_STUDIO_API_KEY")
    return Address(place, key, is_own)


def handles(accounts: Iterable[tuple[int, str, str]]) -> dict[int, str]:
    """A short name for each account (id, user name, e-mail): what stands before the @, and unlike every other.

    Where two have the same, the older account keeps it and the other gets its number added.
    """
    names: dict[int, str] = {}
    taken: set[str] = set()
    for number, username, email in sorted(accounts):
        name = (username or email).partition("@")[0] or f"user-{number}"
        while name in taken:
            name = f"{name}-{number}"
        names[number] = name
        taken.add(name)
    return names


class Connection:
    """An open connection to one server, with the calls that push and pull need."""

    def __init__(self, address: Address) -> None:
        """Raises ServiceError when nothing answers there, it is no Label Studio, or it refuses the key."""
        self.address = address
        with contextlib.ExitStack() as stack, _clear_errors(address.url):
            self._http = stack.enter_context(_client(address.url))
            self._sdk = _open(address, self._http)
            if not getattr(self._sdk.users.whoami(), "email", None):
                raise ServiceError(address.url, "is no Label Studio server", "check the address")
            stack.pop_all()  # all is well: the client stays open

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    @contextlib.contextmanager
    def _calls(self) -> Iterator[Any]:
        """The SDK. Any: its generated types call everything optional."""
        with _clear_errors(self.address.url, " while copydesk was at work; what has arrived is kept"):
            yield self._sdk

    def people(self) -> list[Person]:
        """All accounts of the server."""
        with self._calls() as sdk:
            found = [(user.id, user.username or "", user.email or "") for user in sdk.users.list()]
        names = handles(found)
        return [Person(number, email, names[number]) for number, _, email in found]

    def find_project(self, title: str) -> Project | None:
        """The project of exactly this title. Raises DataError when there are two, or no project can have it."""
        if not 3 <= len(title.strip()) <= 50:  # what the server allows
            raise DataError(f"--project '{title}'", "has not 3 to 50 characters", "choose another title")
        with self._calls() as sdk:
            found = [project.id for project in sdk.projects.list(title=title) if project.title == title]
            if len(found) > 1:
                numbers = " and ".join(str(number) for number in sorted(found))
                raise DataError(f"--project '{title}'", f"is the title of the projects {numbers}", "rename one of them there")
            if not found:
                return None
            whole = sdk.projects.get(found[0])
        return Project(whole.id, whole.label_config or "", whole.expert_instruction or "")

    def create_project(self, title: str, label_config: str, instructions: str, annotators_per_article: int) -> int:
        with self._calls() as sdk:
            made = sdk.projects.create(
                title=title,
                label_config=label_config,
                expert_instruction=instructions,
                show_instruction=True,
                show_skip_button=True,
                enable_empty_annotation=True,
                show_collab_predictions=True,
                maximum_annotations=annotators_per_article,
                sampling="Sequential sampling",
            )
        return int(made.id)

    def update_project(self, project: int, **settings: Any) -> None:
        """settings: Label Studio's names. Any: of as many types."""
        with self._calls() as sdk:
            if "label_config" in settings:
                sdk.projects.validate_label_config(project, label_config=settings["label_config"])
            sdk.projects.update(project, **settings)

    def export(self, project: int) -> list[Task]:
        """All tasks with all annotations, drafts and predictions, from a snapshot that is deleted afterwards."""
        with self._calls() as sdk:
            snapshot = sdk.projects.exports.create(project, title="copydesk", serialization_options=_EVERYTHING)
            try:
                self._await_snapshot(project, snapshot)
                parts = sdk.projects.exports.download(project, export_pk=snapshot.id, export_type="JSON")
                tasks: list[Task] = json.loads(b"".join(parts))
            finally:
                with contextlib.suppress(Exception):  # the first fault is the one to report
                    sdk.projects.exports.delete(project, snapshot.id)
        for made in (annotation for task in tasks for annotation in task["annotations"]):
            if made["import_id"] is not None and _seconds(made["updated_at"]) - _seconds(made["created_at"]) < 1:
                made["updated_by"] = None  # the server names who uploads as who changed it last
        return sorted(tasks, key=lambda task: int(task["id"]))

    def _await_snapshot(self, project: int, snapshot: Any) -> None:
        """Servers with a queue make the snapshot in the background. Any: the SDK's type of it."""
        while snapshot.status != "completed":
            if snapshot.status == "failed":
                raise ServiceError(self.address.url, "could not export the project", "look into the server's log")
            time.sleep(1)
            snapshot = self._sdk.projects.exports.get(project, snapshot.id)

    def import_tasks(self, project: int, tasks: Sequence[Task]) -> None:
        """Uploads tasks: all of them arrive or none."""
        with self._calls() as sdk:
            sdk.projects.import_tasks(project, request=tasks)

    def update_task(self, task: int, data: dict[str, Any]) -> None:
        """data: JSON, the whole of it. Any: whatever it holds."""
        with self._calls() as sdk:
            sdk.tasks.update(str(task), data=data)

    def import_predictions(self, project: int, predictions: Sequence[dict[str, Any]]) -> None:
        """predictions: Label Studio's JSON, with the number of the task. Any: whatever it holds."""
        with self._calls() as sdk:
            sdk.projects.import_predictions(project, request=predictions)

    def delete_prediction(self, prediction: int) -> None:
        with self._calls() as sdk:
            sdk.predictions.delete(prediction)

    def add_annotation(self, task: int, annotation: dict[str, Any]) -> None:
        """annotation: Label Studio's JSON, with the number of who made it. Any: whatever it holds."""
        with self._calls() as sdk:
            sdk.annotations.create(task, **annotation)

    def create_account(self, handle: str) -> tuple[str, str]:
        """Makes an account on the local server through an invitation; returns its e-mail and password."""
        if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", handle):
            raise DataError(f"annotator '{handle}'", "cannot be an account's name", "use small letters, digits and . _ -")
        email, password = f"{handle}@localhost", secrets.token_urlsafe(12)
        with _clear_errors(self.address.url):
            key = {"Authorization": f"Token {self.address.key}"}
            page = self._http.get(f"{self.address.url}/api/invite", headers=key).json()["invite_url"]
        import httpx

        with _clear_errors(self.address.url), httpx.Client(trust_env=False, timeout=60) as visitor:
            visitor.get(f"{self.address.url}{page}")
            form = {"email": email, "password": password, "csrfmiddlewaretoken": visitor.cookies["csrftoken"]}
            answer = visitor.post(f"{self.address.url}{page}", data=form)
        if answer.status_code != 302:
            raise ServiceError(self.address.url, f"made no account for {email}", "take another name if it has one already")
        return email, password


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def add_person(studio: Studio, connection: Connection, handle: str) -> str:
    """Makes an account on the local server, keeps its password beside the other ones, and returns e-mail and password."""
    login = read_login(studio)
    if login is None or not connection.address.is_own:
        raise DataError(
            f"annotator '{handle}'", "cannot be added from here", "invite them on that server's page of the organisation"
        )
    email, password = connection.create_account(handle)
    write_login(studio, replace(login, people=login.people | {email: password}))
    return f"{email}  {password}"


def _client(url: str) -> "httpx.Client":
    import httpx

    is_here = urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")  # never through a proxy to this machine
    patience = httpx.Timeout(600, connect=10)  # a snapshot is made within one request
    return httpx.Client(timeout=patience, follow_redirects=True, trust_env=not is_here)


def _open(address: Address, client: "httpx.Client") -> Any:
    """The SDK. Any: it has no types that hold."""
    from label_studio_sdk import LabelStudio

    sdk: Any = LabelStudio
    # no retries: the SDK would repeat an upload whose answer got lost, and so double it
    return sdk(base_url=address.url, api_key=address.key, timeout=600, max_retries=0, httpx_client=client)


@contextlib.contextmanager
def _clear_errors(url: str, when: str = "") -> Iterator[None]:
    """Turns what the SDK raises into one line; never its own words, which hold cookies."""
    import httpx
    from label_studio_sdk.core.api_error import ApiError

    again = "run the command again: nothing arrives twice" if when else "start it (`copydesk studio up`) or check the address"
    try:
        yield
    except ApiError as err:
        raise _explain(err.status_code, err.body, url) from None
    except httpx.ConnectError:
        raise ServiceError(url, f"does not answer{when}", again) from None
    except httpx.TimeoutException:
        raise ServiceError(url, f"took too long to answer{when}", again) from None
    except (httpx.HTTPError, httpx.InvalidURL) as err:
        raise ServiceError(url, f"broke off ({type(err).__name__}){when}", again) from None
    except (ValueError, KeyError, TypeError) as err:  # the SDK takes any answer for what it expects
        raise ServiceError(url, f"answers unlike Label Studio ({type(err).__name__})", "check the address") from None


def _explain(code: int | None, body: object, url: str) -> ServiceError:
    plain = body if isinstance(body, dict) else {}
    said = str(plain.get("detail") or "")
    if plain.get("validation_errors"):
        said = f"{said}: {json.dumps(plain['validation_errors'], ensure_ascii=False)}"
    said = " ".join(said.split())[:400]
    if code in (401, 403):
        remedy = "set LABEL_STUDIO_API_KEY to an access token of your account (Account & Settings there)"
        return ServiceError(url, f"refuses the key{f' ({said})' if said else ''}", remedy)
    if not plain:
        return ServiceError(url, f"answers unlike Label Studio ({code})", "check the address")
    if code is not None and code >= 500:
        return ServiceError(url, f"failed ({code} {said})", "look into the server's log, then run the command again")
    return ServiceError(url, f"refuses ({code} {said})", "correct that")
