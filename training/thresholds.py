"""The probabilities from which something found is believed, chosen on the dev articles once a model is trained."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from spacy.language import Language
from spacy.tokens import Doc

from annotate.records import Article

from .calibration import calibrate, judge_model, remarks, settings_of, uncalibrated
from .components.tagger import Floats, SpanTagger
from .judged import Judged

SHARED = ("tok2vec", "transformer")  # the networks that others listen to, as the shipped configs call them
GRID = (0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)
MIN_GOLD = 30  # with fewer spans on dev the best threshold is mostly luck
MIN_FOUND = 20  # items of a label found on dev, from which on it has cut-offs of its own
Steps = list[tuple[float, float]]


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
        elif name in SHARED:
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


def give_scores_meaning(nlp: Language, articles: Iterable[Article], *, annotator: str | None = None) -> list[str]:
    """Calibrates the model's scores on these dev articles and learns its cut-offs; returns what is to be said of it."""
    with uncalibrated(nlp):
        items = judge_model(nlp, articles, annotator=annotator)
    choose_cutoffs(nlp, calibrate(nlp, items))
    return list(remarks(items))


def choose_cutoffs(nlp: Language, items: Iterable[Judged]) -> None:
    """Gives each component, in its cfg, the scores from which its items keep a promised precision.

    items: of dev articles, with the scores that the model gives. `cutoffs` is {"labels": {label: steps}, "rest": steps}:
    labels found MIN_FOUND times have steps of their own; the others share those of "rest", made of all of them together,
    which are none where even that is too little.
    """
    by_layer: dict[str, dict[str, list[Judged]]] = {}
    for item in items:
        by_layer.setdefault(item.layer, {}).setdefault(item.label, []).append(item)
    for layer, cfg in settings_of(nlp):
        if layer != "attributes":
            labels = by_layer.get(layer, {})
            often = {label: own for label, own in sorted(labels.items()) if len(own) >= MIN_FOUND}
            rest = [item for label, own in labels.items() if label not in often for item in own]
            steps = {label: steps_of(own) for label, own in often.items()}
            cfg["cutoffs"] = {
                "labels": steps,
                "rest": steps_of(rest) if len(rest) >= MIN_FOUND else [],
            }


def steps_of(items: Iterable[Judged]) -> Steps:
    """Precision and lowest score that promises it, both rising: for a wanted precision the first step that reaches it.

    Promised is (right + 1) / (found + 2) of the items from that score on, so that a few right ones promise little.
    Source: Laplace's rule of succession.
    """
    n_right = n_found = 0
    steps: Steps = []
    for score, tied in groupby(sorted(items, key=lambda i: -i.score), key=lambda i: i.score):
        for item in tied:
            n_found += 1
            n_right += item.is_right
        promised = round((n_right + 1) / (n_found + 2), 4)
        while steps and steps[-1][0] <= promised:
            steps.pop()
        steps.append((promised, score))
    return steps[::-1]
