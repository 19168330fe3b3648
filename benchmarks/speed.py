"""How fast a pipeline reads raw text on one core, without loading it; run with OMP_NUM_THREADS=1. Words are spaCy tokens."""

from collections.abc import Sequence
from statistics import median
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


def ratio(nlp: Language, texts: Sequence[str], *, n_rounds: int = 7) -> float:
    """The speed of the whole pipeline as a part of that of its tok2vec with its entities alone, both in this process.

    They take turns, so that a busy machine slows both; the median of the rounds.
    """
    rounds = []
    for _ in range(n_rounds):
        part, whole = (_cpu_seconds(nlp, pipes, texts) for pipes in ([SHARED, ENTITIES], nlp.pipe_names))
        rounds.append(part / whole)
    return round(median(rounds), 3)


def _cpu_seconds(nlp: Language, names: Sequence[str], texts: Sequence[str]) -> float:
    """What reading the texts with these components only costs."""
    with nlp.select_pipes(enable=list(names)):
        before = process_time()
        for _ in nlp.pipe(texts):
            pass
        return process_time() - before
