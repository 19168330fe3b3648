"""Files and folders that appear whole or not at all, whatever kills the process while they are written."""

import contextlib
import ctypes
import glob
import os
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .errors import DataError

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def refuse_to_overwrite(path: Path, *, force: bool, mark: str | None = None) -> None:
    """Stops a command before its work where its output is there already.

    mark: a file that every folder made by the command holds; a folder of other files is not replaced even by `force`.
    Raises DataError when `path` exists, unless `force` is set or it is an empty folder.
    """
    if not (path.exists() or path.is_symlink()) or (path.is_dir() and not any(path.iterdir())):
        return
    if force and path.is_dir() and mark is not None and not (path / mark).exists():
        raise DataError(str(path), "holds other files", "give a folder of its own")
    if force:
        return
    raise DataError(str(path), "is there already", "give another path, or --force to replace it")


@contextlib.contextmanager
def whole_file(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Gives a temporary path beside `path`; what is written there gets the name `path` when the block ends well.

    Raises DataError when `path` exists and `force` is not set. A block that raises leaves nothing behind.
    """
    refuse_to_overwrite(path, force=force)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=_sweep(path), suffix=".part", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(path: Path, *, force: bool = False, mark: str | None = None) -> Iterator[Path]:
    """Gives an empty temporary folder beside `path`, which takes the name `path` when the block ends well.

    An older folder of that name stays whole until the new one has taken its place in one step (an exchange of names;
    where the system has none, two renames). Raises DataError as `refuse_to_overwrite` does.
    """
    refuse_to_overwrite(path, force=force, mark=mark)
    path = path.absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=_sweep(path), suffix=".part", dir=path.parent))
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        for file in temporary.rglob("*"):
            _sync(file)
        if path.exists():
            _exchange(temporary, path)
        else:
            temporary.rename(path)
        _sync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _exchange(new: Path, old: Path) -> None:
    """Swaps the names of two folders; afterwards `old` is the new content and `new` the former."""
    if sys.platform == "linux":
        rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
        names = (_AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(old), _RENAME_EXCHANGE)
        if rename is not None and rename(*names) == 0:
            return
    aside = new.with_suffix(".old")
    old.rename(aside)
    new.rename(old)
    aside.rename(new)


def _sweep(path: Path) -> str:
    """Removes what killed processes of this machine left of `path`; returns how this one's own part begins."""
    host = re.sub(r"\W", "", socket.gethostname()) or "here"
    for part in path.parent.glob(f".{glob.escape(path.name)}.{host}-*.part"):
        pid = part.name.removeprefix(f".{path.name}.{host}-").partition("-")[0]
        if pid.isdigit() and not _is_alive(int(pid)):
            shutil.rmtree(part) if part.is_dir() else part.unlink(missing_ok=True)
    return f".{path.name}.{host}-{os.getpid()}-"


def _is_alive(pid: int) -> bool:
    if os.name == "nt":  # where signal 0 is no question but Ctrl-C
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    return True


def _sync(path: Path) -> None:
    if os.name == "nt" or path.is_symlink():
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
