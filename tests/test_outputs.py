"""Files and folders appear whole or not at all."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from annotate.errors import DataError
from annotate.outputs import (
    _exchange_in_one_step,
    forget_all_but,
    hidden_folder,
    kept_folder,
    refuse_folder,
    whole_file,
    whole_folder,
)


def test_a_file_appears_with_its_last_line(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "out.txt"
    with whole_file(path) as temporary:
        temporary.write_text("all")
        assert not path.exists()
    assert path.read_text() == "all"
    assert list(path.parent.iterdir()) == [path]


def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), whole_file(path, force=True) as temporary:
        temporary.write_text("half")
        _ = 1 / 0
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_takes_the_place_of_the_old_one_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with whole_folder(path) as temporary:
        (temporary / "a").write_text("first")
    with whole_folder(path, force=True) as temporary:
        (temporary / "b").write_text("second")
        assert (path / "a").read_text() == "first"
    assert [f.name for f in path.iterdir()] == ["b"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_goes_on_pointing_to_the_folder_that_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "runs" / "7").mkdir(parents=True)
    (tmp_path / "runs" / "7" / "a").write_text("first")
    link = tmp_path / "best"
    link.symlink_to(tmp_path / "runs" / "7")
    for _ in range(2):
        with whole_folder(link, force=True) as temporary:
            (temporary / "b").write_text("second")
    assert link.is_symlink() and [f.name for f in link.iterdir()] == ["b"]
    assert sorted(f.name for f in tmp_path.rglob("*") if not f.is_symlink()) == ["7", "b", "runs"]


def test_a_link_goes_on_pointing_to_the_file_that_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    link = tmp_path / "out.txt"
    link.symlink_to(tmp_path / "shared" / "out.txt")
    for text in ("first", "second"):
        with whole_file(link, force=True) as temporary:
            temporary.write_text(text)
    assert link.is_symlink() and (tmp_path / "shared" / "out.txt").read_text() == "second"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["out.txt", "out.txt", "shared"]


@pytest.mark.parametrize("force", [False, True])
def test_a_file_takes_the_place_of_no_folder_and_no_pipe(force: bool, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for name, finding in (("folder", "is a folder"), ("pipe", "is no regular file"), ("link", "is no regular file")):
        fault = pytest.raises(DataError, match=f"{name}: {finding}; give the name of a file")
        with fault, whole_file(tmp_path / name, force=force):
            pass
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("options", [{}, {"force": True}, {"force": True, "mark": "a"}], ids=["plain", "force", "mark"])
def test_a_file_is_not_replaced_by_a_folder(options: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    fault = pytest.raises(DataError, match="out: is no folder; give another path")
    with fault, whole_folder(tmp_path / "out", **options):
        pass
    assert (tmp_path / "out").read_text() == "mine"


def test_what_is_there_is_not_replaced_unasked(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("old")
    with pytest.raises(DataError, match="is there already; give another path, or --force to replace it"), whole_file(path):
        pass
    with pytest.raises(DataError, match="is there already"), whole_folder(tmp_path):
        pass
    (tmp_path / "empty").mkdir()
    refuse_folder(tmp_path / "empty", force=False)
    assert path.read_text() == "old"


def test_files_get_the_rights_that_the_user_asked_for(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        with whole_file(tmp_path / "file"), whole_folder(tmp_path / "folder"):
            pass
    finally:
        os.umask(old)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o750


def test_a_kill_leaves_the_old_folder_whole(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with whole_folder(path) as temporary:
        (temporary / "a").write_text("old")
    code = (
        "import sys, time; from pathlib import Path; from annotate.outputs import whole_folder\n"
        "with whole_folder(Path(sys.argv[1]), force=True) as t:\n"
        "    (t / 'a').write_text('half'); print('ready', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (path / "a").read_text() == "old"
    with whole_folder(path, force=True) as temporary:
        (temporary / "a").write_text("new")
    assert (path / "a").read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]  # what the killed one left is gone too


WRITER = """
import sys
from pathlib import Path
from annotate.outputs import whole_folder
path = Path(sys.argv[1])
for number in range(int(sys.argv[2])):
    with whole_folder(path, force=True) as folder:
        for name in ("meta.json", "weights"):
            (folder / name).write_text(str(number) * 1000)
"""


def test_a_reader_finds_the_old_folder_or_the_new_at_any_moment(tmp_path: Path) -> None:
    path = tmp_path / "model"
    with whole_folder(path) as folder:
        (folder / "meta.json").write_text("-" * 1000)
        (folder / "weights").write_text("-" * 1000)
    seen = set()
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path), "30"]) as writer:
        while writer.poll() is None:
            held = os.open(path, os.O_RDONLY)  # never missing
            try:
                with contextlib.suppress(FileNotFoundError):  # replaced since: what it was, is being removed
                    meta, weights = (_read_in(held, name) for name in ("meta.json", "weights"))
                    assert meta == weights and len(meta) >= 1000
                    seen.add(meta)
            finally:
                os.close(held)
            assert len((path / "meta.json").read_text()) >= 1000
    assert writer.returncode == 0
    assert len(seen) > 3
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def _read_in(folder: int, name: str) -> str:
    """The content of a file of an open folder, whatever that is called by now."""
    with open(os.open(name, os.O_RDONLY, dir_fd=folder), encoding="utf-8") as file:  # noqa: PTH123 (of a handle)
        return file.read()


def test_names_are_exchanged_in_one_step_on_this_system(tmp_path: Path) -> None:
    if sys.platform not in ("linux", "darwin"):
        pytest.skip("no exchange of names here: two renames")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    assert _exchange_in_one_step(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "a" / "b").exists() and (tmp_path / "b" / "a").exists()


def test_a_system_without_exchange_takes_two_renames_and_mends_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "elsewhere")
    path = tmp_path / "out"
    for content in ("first", "second"):
        with whole_folder(path, force=True) as folder:
            (folder / "a").write_text(content)
    assert (path / "a").read_text() == "second"
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    host = re.sub(r"\W", "", socket.gethostname())
    path.rename(tmp_path / f".out.{host}-{process.pid}-x.old")  # as a kill between the two leaves it
    with pytest.raises(DataError, match="is there already"), whole_folder(path):
        pass
    assert (path / "a").read_text() == "second"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only Linux's root can mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_leaves_the_old_folder_whole_with_one_line(small_disk: Path) -> None:
    path = small_disk / "model"
    with whole_folder(path) as folder:
        (folder / "weights").write_bytes(b"old" * 100_000)
    with (
        pytest.raises(DataError, match="does not fit on the disk; free some space") as caught,
        whole_folder(path, force=True) as new,
    ):
        (new / "weights").write_bytes(b"new" * 400_000)
    assert "\n" not in str(caught.value)
    assert (path / "weights").read_bytes() == b"old" * 100_000
    assert [p.name for p in small_disk.iterdir()] == ["model"]


def test_a_full_disk_is_told_from_numpys_short_writes_too(small_disk: Path) -> None:
    fault = pytest.raises(DataError, match="does not fit on the disk")
    with fault, whole_file(small_disk / "array") as temporary, temporary.open("wb") as file:
        np.save(file, np.zeros(1_000_000))
    assert list(small_disk.iterdir()) == []


def test_a_kept_folder_outlives_a_failure_only_with_what_is_worth_it(tmp_path: Path) -> None:
    path = tmp_path / "model"
    for name, is_kept in (("other", False), ("checkpoint", True)):
        with pytest.raises(ZeroDivisionError), kept_folder(path, worth="checkpoint") as folder:
            (folder / name).touch()
            _ = 1 / 0
        assert (hidden_folder(path) / name).exists() == is_kept
    with kept_folder(path, worth="checkpoint") as folder:
        assert (folder / "checkpoint").exists()
    assert list(tmp_path.iterdir()) == []


def test_what_an_earlier_run_left_goes_when_it_is_forgotten(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), kept_folder(tmp_path / "model", worth="checkpoint") as folder:
        for name in ("checkpoint", "articles", "trial/log"):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).touch()
        _ = 1 / 0
    with kept_folder(tmp_path / "model", worth="checkpoint") as folder:
        forget_all_but(["articles"], folder)
        assert sorted(path.name for path in folder.iterdir()) == ["articles", "lock"]


def test_a_kept_folder_is_for_one_process_at_a_time(tmp_path: Path) -> None:
    options = {"worth": "checkpoint"}
    with kept_folder(tmp_path / "model", **options) as folder:
        (folder / "checkpoint").touch()
        with pytest.raises(DataError, match="is being made by another process"), kept_folder(tmp_path / "model", **options):
            pass
        assert (folder / "checkpoint").exists()
