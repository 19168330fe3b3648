"""The card and the licences that travel with a packaged model."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_HEAD = """# {package} {version}

{description}

    pip install {package}-{version}-py3-none-any.whl

    import spacy
    nlp = spacy.load("{package}")
    doc = nlp("Tehran accused Washington of bad faith before Friday's planned talks.")
    doc.ents                            # mentions
    doc.spans["events"]                 # triggers; arguments and attributes in doc.spans["events"].attrs
    doc.spans["stances"].attrs          # who is for or against whom
"""

_CODE_LICENCE = """The code in this package is part of copydesk, under the MIT licence:

{mit}
The weights: {licence}.
"""


def write_card(root: Path, data: Path, meta: dict[str, Any]) -> None:
    """Writes README.md, LICENSE and, for a model with a pretrained base, LICENSE-BASE into `root`.

    data: the model's folder, with run.json and scores.json where training wrote them.
    Any: the plain JSON of these files.
    """
    run, scores = (_read(data / name) for name in ("run.json", "scores.json"))
    (root / "README.md").write_text("\n".join(_card(meta, run, scores)), encoding="utf-8")
    mit = (Path(__file__).parent / "components" / "LICENSE").read_text(encoding="utf-8")
    (root / "LICENSE").write_text(_CODE_LICENCE.format(mit=mit, licence=meta["license"]), encoding="utf-8")
    base = run.get("base")
    if base:
        (root / "LICENSE-BASE").write_text("\n".join(_base_licence(base)), encoding="utf-8")


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _card(meta: dict[str, Any], run: dict[str, Any], scores: dict[str, Any]) -> Iterator[str]:
    package = f"{meta['lang']}_{meta['name']}"
    description = meta.get("description") or "Finds entities, events and stances in news articles."
    yield _HEAD.format(package=package, version=meta["version"], description=description)
    yield f"Pipeline: {', '.join(meta.get('pipeline') or ())}. Licence of the weights: {meta['license']}.\n"
    base = run.get("base")
    if base:
        name, author, licence = base["name"], base["author"], base["license"]
        yield f"Trained from {base['lang']}_{name} {base['version']} by {author} ({licence}; see LICENSE-BASE).\n"
        yield from (f"Between the two came {model}.\n" for model in base.get("through", ()))
    elif transformer := run.get("transformer"):
        yield f"Trained from the transformer {transformer['name']}, whose licence holds for its part of the weights.\n"
    else:
        yield "Trained from nothing but the corpus, without a pretrained base.\n"
    for part in ("test", "dev"):
        if scores.get(part):
            yield from _score_table(part, scores[part])
    yield "## What it does not do\n"
    yield "Stances of the article itself (no holder in the text) are not predicted."
    yield "Labels that were rare in training are learnt badly: see the n of each label in scores.json.\n"


def _score_table(part: str, scores: dict[str, Any]) -> Iterator[str]:
    yield f"## Scores on the {part} part of the corpus\n"
    yield "Exact matches, micro-averaged; the interval is a 95 % bootstrap over stories.\n"
    if part == "dev":
        yield "These articles chose the step, the thresholds and the calibration of the model: the scores flatter.\n"
    yield "| score | precision | recall | F1 | 95 % interval | n |\n| --- | --- | --- | --- | --- | --- |"
    given = {f"{name}, gold spans given": value for name, value in (scores.get("given") or {}).items()}
    for name, value in (scores | given).items():
        if isinstance(value, dict) and "f" in value:
            interval = "none" if value["ci"] is None else "{:.2f} to {:.2f}".format(*value["ci"])
            is_nothing = not value["n_gold"] and not value["fp"]
            cells = " | ".join("-" if is_nothing else f"{value[key]:.2f}" for key in ("p", "r", "f"))
            yield f"| {name} | {cells} | {interval} | {value['n_gold']} |"
    yield ""
    errors = [f"{layer} {own['ece']:.2f}" for layer, own in (scores.get("calibration") or {}).items()]
    if errors:
        yield "Each mark has a score, the probability that it is right. How far these and the share of right ones are apart"
        yield f"(expected calibration error): {', '.join(errors)}.\n"


def _base_licence(base: dict[str, Any]) -> Iterator[str]:
    yield f"This model starts from the pipeline {base['lang']}_{base['name']} {base['version']}"
    yield f"by {base['author']} ({base['url']}), licence: {base['license']}.\n"
    yield from (f"Between the two came {model}.\n" for model in base.get("through", ()))
    for name, text in (base.get("texts") or {}).items():
        yield f"---- {name} ----\n\n{text}"
    if base.get("sources"):
        yield "---- sources of the pipeline ----\n"
        yield json.dumps(base["sources"], indent=2, ensure_ascii=False) + "\n"
