"""What `copydesk train` costs beside `spacy train`: CPU seconds of both commands, with one config, one seed and the same docs.

Ours also compiles the records, looks for what the articles are too few for, chooses thresholds, calibrates, and scores dev and
test at the end; spaCy's gets its docs ready made. Both evaluate on dev every 150 steps.
"""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

EVERY = 150


def training_cost(folder: Path, base: str | None, *, n_steps: int) -> dict[str, float]:
    """CPU seconds of each command, and those of ours as a part of spaCy's. folder: with train.jsonl and dev.jsonl."""
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        config = write_config(folder, work, base, n_steps=n_steps)
        settings = ["--training.max_steps", str(n_steps), "--training.eval_frequency", str(min(EVERY, n_steps))]
        ours = ["copydesk", "train", str(folder), "--out", str(work / "ours"), "--base", base or "none", *settings]
        spacys = ["spacy", "train", str(config), "--output", str(work / "spacys"), "--code", "training/pipeline.py"]
        costs = {name: cpu_seconds(command) for name, command in (("ours", ours), ("spacys", spacys))}
    return {name: round(cost, 1) for name, cost in costs.items()}


def write_config(folder: Path, work: Path, base: str | None, *, n_steps: int) -> Path:
    """The config that `copydesk train` makes of these articles, and the docs that it names, for spaCy's own command."""
    from annotate.records import read_records
    from training.convert import blank_of, convert_records
    from training.pipeline import CONFIGS, layers_in, make_config

    paths = {part: work / f"{part}.spacy" for part in ("train", "dev")}
    for part, path in paths.items():
        convert_records(read_records(folder / f"{part}.jsonl"), blank_of("en", "benchmarks"), path)
    config = make_config(
        CONFIGS / ("blank.cfg" if base is None else "base.cfg"),
        train_path=paths["train"],
        dev_path=paths["dev"],
        layers=layers_in(paths["train"]),
        base=base,
        overrides={"training.max_steps": n_steps, "training.eval_frequency": min(EVERY, n_steps)},
    )
    config.to_disk(work / "config.cfg")
    return work / "config.cfg"


def cpu_seconds(command: Sequence[str]) -> float:
    """What a module's command takes in a process of its own, on one thread. Raises CalledProcessError when it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-m", *command], check=True, env=environment, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
