"""usage: python -m benchmarks [accuracy [SET [BASE]] | speed [MODEL] | starter [train [RUN …] | score] | table]

accuracy: trains and tests on the sets in the folder COPYDESK_BENCH (made by benchmarks.convert), from the base (`md`)
and from nothing (`blank`). speed: words per CPU second of a trained pipeline. Results are kept in
benchmarks/results.json and shown in docs/benchmarks.md; without a word, both are run. starter: what is learnt from the
starter corpus, see benchmarks/starter.py; takes hours.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

RESULTS = Path("benchmarks/results.json")
PAGE = Path("docs/benchmarks.md")
BEGIN, END = "<!-- results -->", "<!-- end of results -->"
COLUMNS = ("mentions", "triggers_id", "triggers", "arguments", "arguments_attached", "attributes")


def main(words: list[str]) -> None:
    if words[:1] == ["table"]:
        write_page(read_results())
    elif words[:1] == ["starter"]:
        from .starter import main as starter

        starter(words[1:])
    elif words[:1] == ["speed"]:
        measure_speed(Path(words[1]) if len(words) > 1 else Path("models/demo"))
    elif words[:1] == ["accuracy"]:
        for name in words[1:2] or ["wikievents", "casie"]:
            for base in words[2:3] or ["md", "blank"]:
                measure_accuracy(name, base)
    elif words:
        sys.exit(__doc__)
    elif "COPYDESK_BENCH" not in os.environ:
        print("COPYDESK_BENCH is not set: accuracy is not measured (docs/benchmarks.md says how to get the data)")
        measure_speed(Path("models/demo"))
    else:
        for name in ("wikievents", "casie"):  # a process each, so that CPU seconds are of this run alone
            for base in ("md", "blank"):
                subprocess.run([sys.executable, "-m", "benchmarks", "accuracy", name, base], check=True)
        measure_speed(Path("models/demo"))


def measure_accuracy(name: str, base: str) -> None:
    from .accuracy import BASE, measure

    parts = tuple(os.environ.get("COPYDESK_PARTS", "dev,test").split(","))
    data = Path(os.environ["COPYDESK_BENCH"])
    commit = commit_now()
    result = measure(data, name, base=BASE if base == "md" else None, seed=0, parts=parts)
    print(json.dumps(result, indent=1))
    if "test" in parts:
        keep(f"{name}/{base}", result, commit)


def measure_speed(model: Path) -> None:
    from annotate.records import read_records
    from training.pipeline import load_model
    from training.split import PARTS

    from .speed import shares, words_per_cpu_second

    if not (model / "config.cfg").is_file():
        sys.exit(f"{model}: is no model; run `make demo` first, or name one")
    texts = [article.text for part in PARTS for article in read_records(Path("corpus") / f"{part}.jsonl")]
    commit = commit_now()
    nlp = load_model(model)
    speed = round(words_per_cpu_second(nlp, texts))
    print(f"{speed:,} words per CPU second: {', '.join(nlp.pipe_names)}")
    result = {"words_per_cpu_second": speed, "microseconds_per_word": shares(nlp, texts * 3), "pipeline": nlp.pipe_names}
    keep("speed", result, commit)


def read_results() -> dict[str, Any]:
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}


def commit_now() -> str:
    return subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()


def keep(key: str, result: dict[str, Any], commit: str) -> None:
    """Puts one result into the file and the page, with the commit that its run started from."""
    results = read_results() | {key: {"commit": commit} | result}
    RESULTS.write_text(json.dumps(dict(sorted(results.items())), indent=1) + "\n", encoding="utf-8")
    write_page(results)


def write_page(results: dict[str, Any]) -> None:
    """The page with its table made new from the results."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{table(results)}\n{END}{after}", encoding="utf-8")


def table(results: dict[str, Any]) -> str:
    """F1 on test of every run, with its 95 % interval where there are enough stories."""
    head = [
        "set",
        "base",
        *COLUMNS,
        "given: arguments",
        "given: attributes",
        "training CPU s",
        "words / CPU s",
        "seed",
        "commit",
    ]
    rows = [head, ["---"] * len(head)]
    for key, result in results.items():
        if "test" in result:
            test, given = result["test"], result["test"]["given"]
            scores = [_cell(test.get(c)) for c in COLUMNS] + [_cell(given.get(c)) for c in ("arguments", "attributes")]
            costs = [result["training_cpu_seconds"], f"{result['words_per_cpu_second']:,}", result["seed"], result["commit"]]
            rows.append([*key.split("/"), *scores, *map(str, costs)])
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    if "speed" in results:
        speed = results["speed"]
        lines += ["", f"Speed, all components, from raw text: {speed['words_per_cpu_second']:,} words per CPU second (commit"]
        lines[-1] += f" {speed['commit']}). Microseconds per word: "
        lines[-1] += ", ".join(f"{name} {cost}" for name, cost in speed["microseconds_per_word"].items()) + "."
    return "\n".join(lines) + "\n"


def _cell(score: dict[str, Any] | None) -> str:
    if score is None:
        return "-"
    interval = f" [{score['ci'][0]:.3f}, {score['ci'][1]:.3f}]" if score["ci"] else ""
    return f"{score['f']:.3f}{interval}"


if __name__ == "__main__":
    main(sys.argv[1:])
