"""What a training run survives: kills at random moments, after which it goes on and ends with the same bytes."""

import hashlib
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, cast

FLAGS = [
    *("--base", "none", "--training.max_steps", "60", "--training.eval_frequency", "5"),
    *("--components.tok2vec.model.encode.depth", "1"),
    *("--components.tok2vec.model.embed.rows", "[500, 100, 250, 250]"),
]


def run_with_kills(command: Sequence[str], moments: Sequence[tuple[int, float]]) -> list[str]:
    """Runs a training command, kills it (SIGKILL) at each moment and starts it again, and then lets it end.

    moments: after that many lines of evaluations, that many seconds.
    Returns what each process had said; one that ended before its moment is none of them.
    """
    said: list[str] = []
    for n_lines, seconds in moments:
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            stderr = cast("IO[str]", process.stderr)
            own: list[str] = []
            while sum(line[0].isdigit() and "/" in line.split()[0] for line in own) < n_lines:
                line = stderr.readline()
                if not line:
                    break
                own.append(line)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                said.append("".join(own) + stderr.read())
    done = subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return [*said, done.stderr]


def survival(records: Path, *, n_kills: int = 20, seed: int = 0) -> dict[str, Any]:
    """Trains once undisturbed, then `n_kills` times with a kill at a random moment; counts the runs of equal bytes."""
    draw = random.Random(seed)
    command = [sys.executable, "-m", "copydesk", "train", str(records), *FLAGS]
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole"
        before = time.monotonic()
        run_with_kills([*command, "--out", str(whole)], [])
        seconds = time.monotonic() - before
        wanted = digest(whole)
        n_killed = n_same = n_gone_on = 0
        for number in range(n_kills):
            out = Path(folder) / f"killed-{number}"
            said = run_with_kills([*command, "--out", str(out), "--resume"], [(0, draw.random() * seconds)])
            n_killed += len(said) - 1
            n_gone_on += "going on after step" in said[-1]
            n_same += digest(out) == wanted
    return {"n_runs": n_kills, "n_killed": n_killed, "n_gone_on": n_gone_on, "n_same": n_same}


def digest(model: Path) -> str:
    """Of every file of a folder, with its name."""
    found = hashlib.sha256()
    for path in sorted(path for path in model.rglob("*") if path.is_file()):
        found.update(f"{path.relative_to(model)}\n{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()
