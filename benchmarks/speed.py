"""How fast a pipeline reads raw text on one core, without loading it; run with OMP_NUM_THREADS=1. Words are spaCy tokens."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import process_time

from spacy.language import Language

SHARED, ENTITIES = "tok2vec", "ner"  # as the shipped configs call them


def words_per_cpu_second(nlp: Language, texts: Sequence[str], *, n_words: int = 100_000) -> float:
    """Reads the texts, over and over, until `n_words` are done."""
    list(nlp.pipe(texts[:20]))  # lexemes and caches
    n_done, before = 0, process_time()
    while n_done < n_words:
        n_done += sum(len(doc) for doc in nlp.pipe(texts))
    return n_done / (process_time() - before)


def shares(nlp: Language, texts: Sequence[str]) -> dict[str, float]:
    """Microseconds of CPU per word that each step takes."""
    costs: dict[str, float] = {}
    before = process_time()
    docs = [nlp.make_doc(text) for text in texts]
    n_words = sum(map(len, docs))
    costs["tokenizer"] = process_time() - before
    for name, pipe in nlp.pipeline:
        before = process_time()
        docs = list(pipe.pipe(docs, batch_size=nlp.batch_size)) if hasattr(pipe, "pipe") else [pipe(doc) for doc in docs]
        costs[name] = process_time() - before
    return {name: round(cost / n_words * 1e6, 2) for name, cost in costs.items()}


def ratio(nlp: Language, texts: Sequence[str], *, n_rounds: int = 5) -> float:
    """The speed of the whole pipeline as a part of that of its tok2vec with its entities alone, both in this process."""
    ways = {
        name: partial(_read, nlp, pipes, texts) for name, pipes in (("whole", nlp.pipe_names), ("part", [SHARED, ENTITIES]))
    }
    costs = least_cpu_seconds(ways, n_rounds=n_rounds)
    return round(costs["part"] / costs["whole"], 3)


def least_cpu_seconds(ways: Mapping[str, Callable[[], None]], *, n_rounds: int) -> dict[str, float]:
    """What each way costs at best. They take turns, so that a busy machine slows all of them."""
    costs = dict.fromkeys(ways, float("inf"))
    for _ in range(n_rounds):
        for name, read in ways.items():
            before = process_time()
            read()
            costs[name] = min(costs[name], process_time() - before)
    return costs


def _read(nlp: Language, names: Sequence[str], texts: Sequence[str]) -> None:
    """Reads the texts with these components only."""
    with nlp.select_pipes(enable=list(names)):
        for _ in nlp.pipe(texts):
            pass
