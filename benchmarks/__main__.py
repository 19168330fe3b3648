"""usage: python -m benchmarks [accuracy [SET [BASE [SEED]]] [--SECTION.SETTING VALUE …]
                            | speed [MODEL] | cost [STEPS] | survival [KILLS] | starter [train [RUN …] | score]
                            | pretended [RUN …] [--SECTION.SETTING VALUE …] | table]

accuracy: trains and tests on the sets in the folder COPYDESK_BENCH (made by benchmarks.convert), from the base (`md`, or
the name or folder of another pipeline, or the folder of a transformer) and from nothing (`blank`), with three seeds; what
is not named is all of it, in a process each. With settings, which differ from those of benchmarks/accuracy.py for this
once, only dev is scored and nothing is kept. speed: words per CPU second of a trained pipeline. cost: CPU seconds of
`copydesk train` beside `spacy train`. Results are kept in benchmarks/results.json and shown in docs/benchmarks.md.
survival: training runs that are killed at random moments and go on must end with the bytes of one that was not. Without a
word, all four are run. starter: what is learnt from the starter corpus, see benchmarks/starter.py; takes hours. pretended:
what a random split would have pretended on it, see benchmarks/pretended.py; a run that is named (by-story-0, random-0, …)
is trained alone, so that several can be at once. table: writes the tables of docs/benchmarks.md and README.md again.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from annotate.errors import DataError
from annotate.outputs import whole_file

from .page import SETS, commit_now, write_page, write_readme

RESULTS = Path("benchmarks/results.json")
STARTER = Path("benchmarks/starter.json")
COST_STEPS = 300
N_KILLS = 20
RATIO_ARTICLES = 60  # enough for the ratio of two costs
NO_DATA = "COPYDESK_BENCH is not set: accuracy is not measured (docs/benchmarks.md says how to get the data)"


def main(words: list[str]) -> None:
    if words[:1] == ["table"]:
        write_pages(read_json(RESULTS))
    elif words[:1] == ["starter"]:
        from .starter import main as starter

        starter(words[1:])
        write_pages(read_json(RESULTS))
    elif words[:1] == ["pretended"]:
        measure_pretended(words[1:])
    elif words[:1] == ["speed"]:
        measure_speed(Path(words[1]) if len(words) > 1 else Path("models/demo"))
    elif words[:1] == ["cost"]:
        measure_cost(int(words[1]) if len(words) > 1 else COST_STEPS)
    elif words[:1] == ["survival"]:
        check_survival(int(words[1]) if len(words) > 1 else N_KILLS)
    elif words[:1] == ["accuracy"]:
        if "COPYDESK_BENCH" not in os.environ:
            sys.exit(NO_DATA)
        measure_accuracy(words[1:])
    elif words:
        sys.exit(__doc__)
    else:
        if "COPYDESK_BENCH" in os.environ:
            measure_accuracy([])
        else:
            print(NO_DATA)
        measure_speed(Path("models/demo"))
        measure_cost(COST_STEPS)
        check_survival(N_KILLS)


def check_survival(n_kills: int) -> None:
    from .survival import survival

    commit = commit_now()
    result = survival(Path("corpus/dev.jsonl"), n_kills=n_kills)
    print(json.dumps(result))
    keep("survival", result, commit)
    if result["n_same"] != result["n_runs"]:
        sys.exit("survival: a run that was killed ended with other bytes")


def measure_accuracy(words: list[str]) -> None:
    """words: SET, BASE and SEED, as many as are named, and settings. One run here, several in a process each."""
    first = next((place for place, word in enumerate(words) if word.startswith("--")), len(words))
    named, settings = words[:first], words[first:]
    if named[:1] and named[0] not in SETS:
        sys.exit(f"{named[0]}: is no set; name one of {', '.join(SETS)}")
    if len(named) > 3 or not all(seed.isdecimal() for seed in named[2:]):
        sys.exit(__doc__)
    if len(named) == 3:
        measure_run(named[0], named[1], int(named[2]), settings)
        return
    from .accuracy import BASES, SEEDS

    for name in named[:1] or SETS:
        for base in named[1:2] or BASES:
            for seed in SEEDS:  # CPU seconds and peak memory are of one run alone
                run = [sys.executable, "-m", "benchmarks", "accuracy", name, base, str(seed), *settings]
                subprocess.run(run, check=True)


def measure_run(name: str, base: str, seed: int, settings: list[str]) -> None:
    """One training; keeps and shows what came out, unless with settings of its own."""
    from training.train import parse_overrides

    from .accuracy import BASES, measure

    parts = ("dev",) if settings else tuple(os.environ.get("COPYDESK_PARTS", "dev,test").split(","))
    data, commit = Path(os.environ["COPYDESK_BENCH"]), commit_now()
    overrides = parse_overrides(settings)
    result = measure(data, name, base=BASES.get(base, base), seed=seed, parts=parts, settings=overrides)
    print(json.dumps(result, indent=1))
    if "test" in parts:
        keep(f"{name}/{Path(base).name}/{seed}", result, commit)


def measure_pretended(words: list[str]) -> None:
    """Keeps and shows what came out, unless with settings of its own."""
    from .pretended import measure

    commit = commit_now()
    result = measure(words)
    if result is not None:
        print(json.dumps(result, indent=1))
        if not any(word.startswith("--") for word in words):
            keep("pretended", result, commit)


def measure_speed(model: Path) -> None:
    from annotate.records import read_records
    from training.pipeline import load_model
    from training.split import PARTS

    from .speed import ratio, shares, words_per_cpu_second

    if not (model / "config.cfg").is_file():
        sys.exit(f"{model}: is no model; run `make demo` first, or name one")
    texts = [article.text for part in PARTS for article in read_records(Path("corpus") / f"{part}.jsonl")]
    commit = commit_now()
    nlp = load_model(model)
    speed = round(words_per_cpu_second(nlp, texts))
    print(f"{speed:,} words per CPU second: {', '.join(nlp.pipe_names)}")
    result = {"words_per_cpu_second": speed, "microseconds_per_word": shares(nlp, texts * 3), "pipeline": nlp.pipe_names}
    keep("speed", result | {"of_entities_alone": ratio(nlp, texts[:RATIO_ARTICLES])}, commit)


def measure_cost(n_steps: int) -> None:
    from .accuracy import BASES
    from .training_cost import training_cost

    base, commit = Path(BASES["md"] or ""), commit_now()
    cost = training_cost(Path("corpus"), str(base) if (base / "config.cfg").is_file() else None, n_steps=n_steps)
    keep("training_cost", {"steps": n_steps} | cost, commit)


def read_json(path: Path) -> dict[str, Any]:
    """Any: plain JSON; empty where there is no such file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def keep(key: str, result: dict[str, Any], commit: str) -> None:
    """Puts one result into the file and the page, with the commit that its run started from."""
    results = read_json(RESULTS) | {key: {"commit": commit} | result}
    with whole_file(RESULTS, force=True) as path:
        path.write_text(json.dumps(dict(sorted(results.items())), indent=1) + "\n", encoding="utf-8")
    write_pages(results)


def write_pages(results: dict[str, Any]) -> None:
    """Any: plain JSON."""
    write_page(results, read_json(STARTER))
    write_readme(results)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except DataError as err:
        sys.exit(str(err))
