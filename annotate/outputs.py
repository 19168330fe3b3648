"""Files and folders that appear whole or not at all, whatever kills the process while they are written."""

import contextlib
import ctypes
import errno
import glob
import os
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Container, Iterator
from pathlib import Path

from .errors import DataError

if sys.platform != "win32":
    import fcntl

_AT_FDCWD = -100  # Linux: names are taken from the current folder
_RENAME_EXCHANGE = 2  # Linux, renameat2
_RENAME_SWAP = 2  # macOS, renamex_np
_LOCK = "lock"

_THERE = ("is there already", "give another path, or --force to replace it")

Names = Callable[[Path], Container[str]]


def refuse_to_overwrite(path: Path, *, force: bool) -> None:
    """Stops a command before its work where its output is there already.

    Raises DataError when `path` exists, unless `force` is set and it is a regular file.
    """
    if path.exists() and not path.is_file():  # nor is a device or a pipe, which would be lost
        raise DataError(str(path), "is a folder" if path.is_dir() else "is no regular file", "give the name of a file")
    if (path.exists() or path.is_symlink()) and not force:
        raise DataError(str(path), *_THERE)


def refuse_folder(path: Path, *, force: bool, mark: str | None = None, own: Names | None = None) -> None:
    """Stops a command before its work where its folder cannot have the name `path`.

    A folder with anybody else's files is not replaced even by `force`.
    mark: a file that every folder made by the command holds. own: the names in a folder that are the command's (None: all).
    Raises DataError when `path` is no folder, or, unless `force` is set, holds anything.
    """
    if path.exists() and not path.is_dir():
        raise DataError(str(path), "is no folder", "give another path")
    names = sorted(found.name for found in path.iterdir()) if path.exists() else []
    if not names:
        return
    if not force:
        raise DataError(str(path), *_THERE)
    if mark is not None and mark not in names:
        raise DataError(str(path), "holds other files", "give a folder of its own")
    known = names if own is None else own(path)
    others = [name for name in names if name not in known]
    if others:
        raise DataError(str(path), f"holds other files too, such as {others[0]}", "give a folder of its own")


@contextlib.contextmanager
def whole_file(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Gives a temporary path beside `path`; what is written there gets the name `path` when the block ends well.

    Where `path` is a link, that is done to the file it points to. A block that raises leaves nothing behind.
    Raises DataError as `refuse_to_overwrite` does, and where the disk is full.
    """
    refuse_to_overwrite(path, force=force)
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=_sweep(path), suffix=".part", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        with _room_on_disk(path):
            yield temporary
            temporary.chmod(0o666 & ~_umask())
            _sync(temporary)
            temporary.replace(path)
            _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(path: Path, *, force: bool = False, mark: str | None = None, own: Names | None = None) -> Iterator[Path]:
    """Gives an empty temporary folder beside `path`, which takes the name `path` when the block ends well.

    Where `path` is a link, that is done to the folder it points to. An older folder of that name stays whole until the
    new one has taken its place in one step, so that a reader finds the one or the other. Where the system or the
    file system cannot exchange two names (Windows, some network drives), it takes two renames, between which there is
    neither; the next run mends that, were it killed just there.
    Raises DataError as `refuse_folder` does, and where the disk is full.
    """
    target = path.resolve()
    prefix = _sweep(target)
    refuse_folder(path, force=force, mark=mark, own=own)
    path = target
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=prefix, suffix=".part", dir=path.parent))
    try:
        with _room_on_disk(path):
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


def hidden_folder(path: Path) -> Path:
    """Where `kept_folder` keeps what a long run towards `path` leaves on its way."""
    return path.absolute().with_name(f".{path.absolute().name}.run")


@contextlib.contextmanager
def kept_folder(path: Path, *, worth: str, keep: bool = False) -> Iterator[Path]:
    """Gives the hidden folder beside `path` for what a long run leaves on its way, which outlives a process that dies.

    It goes when the block ends well (unless `keep` is set), or when it ends otherwise and has no file `worth`.
    What an earlier run left there stays: see `forget_all_but`.
    Raises DataError where another process is at it (on Windows there is no such check), or the disk is full.
    """
    folder = hidden_folder(path)
    lock = _locked(folder, path)
    try:
        with _room_on_disk(path):
            yield folder
        if not keep:
            _discard(folder, path)
    except BaseException:
        if not (folder / worth).exists():
            _discard(folder, path)
        raise
    finally:
        if lock is not None:
            os.close(lock)


def forget_all_but(names: Container[str], folder: Path) -> None:
    """Throws away what an earlier run left in the folder of `kept_folder`."""
    for left in folder.iterdir():
        if left.name != _LOCK and left.name not in names:
            shutil.rmtree(left) if left.is_dir() else left.unlink()


def _locked(folder: Path, path: Path) -> int | None:
    """Makes the folder and takes its lock, which ends with the process however that ends; None where there are no locks."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        if sys.platform == "win32":
            return None
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            os.close(lock)
            raise DataError(str(path), "is being made by another process", "wait for it, or give another path") from err
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock), (folder / _LOCK).stat()):
                return lock
        os.close(lock)  # its holder has just ended, and thrown the folder away


def _discard(folder: Path, path: Path) -> None:
    """Removes the folder under another name, so that nobody comes upon half of it."""
    trash = path.absolute().with_name(_sweep(path.absolute()) + "run.part")
    folder.rename(trash)
    shutil.rmtree(trash, ignore_errors=True)


@contextlib.contextmanager
def _room_on_disk(path: Path) -> Iterator[None]:
    """Makes a full disk one line."""
    try:
        yield
    except OSError as err:
        of_numpy = err.errno is None and " requested and " in str(err)  # its short write; it drops the reason
        if of_numpy or err.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DataError(str(path), "does not fit on the disk", "free some space and try again") from err
        raise


def _exchange(new: Path, old: Path) -> None:
    """Swaps the names of two folders; afterwards `old` is the new content and `new` the former."""
    if _exchange_in_one_step(new, old):
        return
    aside = new.with_suffix(".old")
    old.rename(aside)
    new.rename(old)
    aside.rename(new)


def _exchange_in_one_step(new: Path, old: Path) -> bool:
    """False where the system, or this file system, has no such step."""
    names = os.fsencode(new), os.fsencode(old)
    if sys.platform == "linux":
        rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
        return rename is not None and rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0
    if sys.platform == "darwin":
        rename = getattr(ctypes.CDLL(None, use_errno=True), "renamex_np", None)
        return rename is not None and rename(*names, _RENAME_SWAP) == 0
    return False


def _sweep(path: Path) -> str:
    """Removes what killed processes of this machine left of `path`; returns how this one's own part begins."""
    host = re.sub(r"\W", "", socket.gethostname()) or "here"
    for left in path.parent.glob(f".{glob.escape(path.name)}.{host}-*"):
        pid = left.name.removeprefix(f".{path.name}.{host}-").partition("-")[0]
        if left.suffix not in (".part", ".old") or not pid.isdigit() or _is_alive(int(pid)):
            continue
        if left.suffix == ".old" and not path.exists():
            left.rename(path)  # it died between the two renames of `_exchange`
        else:
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
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
