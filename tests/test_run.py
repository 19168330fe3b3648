"""What a run says of the pipeline that it starts from goes from model to model."""

import json
from pathlib import Path
from typing import Any

from training.card import _base_licence, _card
from training.run import describe_base

META = {"lang": "en", "name": "pipeline", "version": "0.0.0", "license": "", "author": "", "url": ""}
OFFICIAL = {
    "lang": "en",
    "name": "core_web_md",
    "version": "3.8.0",
    "license": "MIT",
    "author": "Explosion",
    "url": "https://explosion.ai",
    "sources": [{"name": "OntoNotes 5"}],
    "texts": {"LICENSE": "MIT licence"},
}


def model(folder: Path, base: dict[str, Any] | None, **meta: str) -> Path:
    """What is read of a model that copydesk has trained."""
    folder.mkdir()
    (folder / "meta.json").write_text(json.dumps(META | meta), encoding="utf-8")
    run = {"seed": 3, "corpus": {"digest": "e84576342aeac57b", "train": 182}, "base": base}
    (folder / "run.json").write_text(json.dumps(run), encoding="utf-8")
    return folder


def test_a_base_of_copydesk_hands_on_the_licence_of_its_own(tmp_path: Path) -> None:
    base = describe_base(model(tmp_path / "first", OFFICIAL))
    through = "en_pipeline 0.0.0, trained by copydesk on 182 annotated articles (corpus e84576342aea, seed 3), licence of its"
    assert base == OFFICIAL | {"through": [f"{through} weights: not stated"]}
    card = "\n".join(_card(META, {"base": base}, {}))
    assert "Trained from en_core_web_md 3.8.0 by Explosion (MIT; see LICENSE-BASE)." in card
    licence = "\n".join(_base_licence(base))
    assert "MIT licence" in licence and "OntoNotes 5" in licence
    assert all(f"Between the two came {through}" in text for text in (card, licence))


def test_every_model_in_between_is_told_with_its_licence(tmp_path: Path) -> None:
    first = describe_base(model(tmp_path / "first", OFFICIAL))
    packed = model(tmp_path / "packed", first, name="news_events", version="0.1.0", license="CC BY 4.0")
    (packed / "LICENSE").write_text("The weights: CC BY 4.0.", encoding="utf-8")
    base = describe_base(packed)
    assert [words.partition(",")[0] for words in base["through"]] == ["en_pipeline 0.0.0", "en_news_events 0.1.0"]
    assert base["through"][1].endswith("licence of its weights: CC BY 4.0")
    assert base["texts"] == OFFICIAL["texts"] | {"LICENSE of en_news_events 0.1.0": "The weights: CC BY 4.0."}


def test_a_base_that_came_from_nothing_says_so(tmp_path: Path) -> None:
    base = describe_base(model(tmp_path / "first", None))
    said = "182 annotated articles (corpus e84576342aea, seed 3), and nothing else"
    assert base["sources"] == [{"name": said, "license": "not stated"}]
    card = "\n".join(_card(META, {"base": base}, {}))
    assert "Trained from en_pipeline 0.0.0 by an unnamed author (not stated; see LICENSE-BASE)." in card
    assert said in "\n".join(_base_licence(base))


def test_a_base_of_others_is_described_by_itself(tmp_path: Path) -> None:
    folder = model(tmp_path / "first", None, license="MIT")
    (folder / "run.json").unlink()
    assert describe_base(folder) == META | {
        "license": "MIT", "author": "an unnamed author", "url": "no address", "sources": None, "texts": {}
    }  # fmt: skip
