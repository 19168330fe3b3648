"""How fast a pipeline reads: words (spaCy tokens) per CPU second from raw text, on one core, model load excluded."""

from collections.abc import Sequence
from time import process_time

from spacy.language import Language


def words_per_cpu_second(nlp: Language, texts: Sequence[str], *, n_words: int = 100_000) -> float:
    """Reads the texts, over and over, until `n_words` are done. Run it with OMP_NUM_THREADS=1."""
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
