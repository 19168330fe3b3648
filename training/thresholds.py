"""The probability from which a tagger believes in a span, chosen on the dev articles once a model is trained."""

from collections.abc import Iterable, Sequence

from spacy.language import Language
from spacy.tokens import Doc

from .components.tagger import Floats, SpanTagger

GRID = (0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)
MIN_GOLD = 30  # with fewer spans on dev the best threshold is mostly luck


def choose_thresholds(nlp: Language, references: Iterable[Doc]) -> dict[str, float]:
    """Gives each tagger of the pipeline the threshold with the best F1 on these annotated docs; returns those chosen.

    Few training articles leave a model unsure, and half a probability then finds too little. A tagger with fewer than
    MIN_GOLD gold spans keeps the threshold of its config. Equal scores: the threshold nearest to that one.
    """
    references = list(references)
    docs = [nlp.make_doc(reference.text) for reference in references]
    chosen: dict[str, float] = {}
    for name, pipe in nlp.pipeline:
        if isinstance(pipe, SpanTagger):
            gold = [_gold_of(pipe, reference) for reference in references]
            if sum(len(own) for own in gold if own is not None) >= MIN_GOLD:
                chosen[name] = pipe.cfg["threshold"] = _best(pipe, docs, gold)
        elif name == "tok2vec":
            docs = list(pipe.pipe(docs))  # type: ignore[attr-defined]  # a pipe, not just a function
    return chosen


def _gold_of(pipe: SpanTagger, reference: Doc) -> set[tuple[int, int, str]] | None:
    spans = pipe.gold_in(reference)
    return None if spans is None else {(s.start_char, s.end_char, s.label_) for s in spans}


def _best(pipe: SpanTagger, docs: Sequence[Doc], gold: Sequence[set[tuple[int, int, str]] | None]) -> float:
    tags: list[Floats] = []
    for start in range(0, len(docs), 64):
        tags += pipe.predict(docs[start : start + 64])
    usual: float = pipe.cfg["threshold"]
    return max(sorted(GRID, key=lambda t: abs(t - usual)), key=lambda t: _f1(pipe, docs, tags, gold, t))


def _f1(
    pipe: SpanTagger,
    docs: Sequence[Doc],
    tags: Sequence[Floats],
    gold: Sequence[set[tuple[int, int, str]] | None],
    threshold: float,
) -> float:
    n_both = n_all = 0
    for doc, own, wanted in zip(docs, tags, gold, strict=True):
        if wanted is not None:
            spans = [(doc[f.start : f.end], pipe.labels[f.label]) for f in pipe.found_in(doc, own, threshold)]
            found = {(span.start_char, span.end_char, label) for span, label in spans}
            n_both += len(found & wanted)
            n_all += len(found) + len(wanted)
    return 2 * n_both / n_all if n_all else 0.0
