"""Files and folders appear whole or not at all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from annotate.errors import DataError
from annotate.outputs import refuse_to_overwrite, whole_file, whole_folder


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


def test_what_is_there_is_not_replaced_unasked(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("old")
    with pytest.raises(DataError, match="is there already; give another path, or --force to replace it"), whole_file(path):
        pass
    with pytest.raises(DataError, match="is there already"), whole_folder(tmp_path):
        pass
    (tmp_path / "empty").mkdir()
    refuse_to_overwrite(tmp_path / "empty", force=False)
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
