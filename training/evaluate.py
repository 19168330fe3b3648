"""How good a model is: its predictions against annotated articles, each score with a bootstrap interval over stories."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from annotate.counts import n_of
from annotate.errors import DataError
from annotate.matching import SCORES, Score, count_matches
from annotate.records import Annotation, Article, annotation_of
from annotate.scores import N_RESAMPLES, Result, add_up

from .calibration import BeforeAfter, before_after, uncalibrated
from .judged import judge
from .leaks import with_stories
from .split import SPLIT, nothing_to_learn, usable

if TYPE_CHECKING:
    from spacy.language import Language

GIVEN: tuple[Score, ...] = ("arguments", "attributes", "stances")
PREDICTED = "model"

# What a component does, by the last word of its factory's name, and the scores that it makes possible.
_DOES: Mapping[str, tuple[Score, ...]] = {
    "ner": ("mentions",),
    "mentions": ("mentions",),
    "triggers": ("triggers_id", "triggers"),
    "arguments": ("arguments_id", "arguments", "arguments_attached"),
    "attributes": ("attributes",),
    "stance": ("stances",),
}
_LABELLED: tuple[Score, ...] = ("mentions", "triggers", "arguments", "stances")
_LAYERS_OF: Mapping[Score, tuple[str, ...]] = {  # what must be annotated for a score; for all others: events
    "mentions": ("mentions",),
    "arguments_id": ("events", "mentions"),
    "arguments": ("events", "mentions"),
    "arguments_attached": ("events", "mentions"),
    "stances": ("stances", "mentions"),
}


class Pair(NamedTuple):
    """An article's annotation and what a model made of its text, on its own and with the gold spans given.

    raw: what it made on its own, with the networks' own scores; None where these are the scores it gives.
    """

    article: Article
    gold: Annotation
    found: Annotation
    given: Annotation | None = None
    raw: Annotation | None = None


@dataclass(frozen=True)
class Scores:
    """What `evaluate` found.

    given: the same scores where the model was handed the gold mentions and triggers.
    unscored: score -> why it is missing.
    n_learnt: articles that the model was trained on; n_chosen: those of dev, which chose its steps and thresholds.
    unknown: labels of the gold annotation that the model cannot give.
    calibration: layer -> how far the scores of what was found are probabilities, before calibration and after.
    n_article_stances: gold stances of the article itself, which no model predicts; in no score.
    """

    results: Mapping[Score, Result]
    given: Mapping[Score, Result]
    unscored: Mapping[Score, str]
    pairs: tuple[Pair, ...]
    n_stories: int
    n_unused: int = 0
    n_learnt: int = 0
    n_chosen: int = 0
    unknown: tuple[str, ...] = ()
    calibration: Mapping[str, BeforeAfter] = field(default_factory=dict)

    @property
    def is_calibrated(self) -> bool:
        """Whether the scores before calibration are others than those that the model gives."""
        return any(pair.raw is not None for pair in self.pairs)

    @property
    def n_article_stances(self) -> int:
        return sum(stance.holder is None for pair in self.pairs for stance in pair.gold.stances or ())

    def to_json(self) -> dict[str, Any]:
        """Score -> numbers; under `given` the same with gold spans, under `calibration` layer -> numbers.

        Any: as in `Result.to_json` and in `BeforeAfter.to_json`.
        """
        own = {str(score): result.to_json() for score, result in self.results.items()}
        given = {score: result.to_json() for score, result in self.given.items()}
        return {**own, "given": given, "calibration": {layer: both.to_json() for layer, both in self.calibration.items()}}


def evaluate(
    nlp: "Language", articles: Iterable[Article], *, annotator: str | None = None, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> Scores:
    """The scores of a pipeline on annotated articles; those that nobody annotated are left out and counted.

    Raises DataError when no article has a usable annotation.
    """
    used, unused = usable(articles, annotator=annotator)
    if not used:
        raise DataError("the articles to evaluate on", *nothing_to_learn(len(unused), annotator))
    pairs = list(_predict(nlp, with_stories(used), annotator))
    found = score(pairs, can=abilities(nlp), n_unused=len(unused), n_resamples=n_resamples, seed=seed)
    known, own = _known(nlp), {article.id for article in used}
    n_learnt, n_chosen = (len(own & set(known.get(part, ()))) for part in ("train", "dev"))
    return replace(found, n_learnt=n_learnt, n_chosen=n_chosen, unknown=_unknown(nlp, found))


def _known(nlp: "Language") -> dict[str, list[str]]:
    """Part -> ids of its articles in the training run of a model's folder; empty where it does not say."""
    path = nlp.path and nlp.path / SPLIT
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path and path.is_file() else {}


def _unknown(nlp: "Language", scores: Scores) -> tuple[str, ...]:
    """The labels of the gold annotation that no component can give, of the layers that are scored."""
    known = {label for labels in nlp.pipe_labels.values() for label in labels}
    gold = {label for score in _LABELLED if score in scores.results for label in scores.results[score].counts.per_label}
    return tuple(sorted(gold - known))


def flattering(scores: Scores) -> Iterator[str]:
    """Why the scores say too much of a model, or too little, in words."""
    n = n_of(len(scores.pairs), "article")
    if scores.n_learnt:
        yield f"{scores.n_learnt} of {n} the model has learnt from: the scores flatter"
    if scores.n_chosen:
        yield f"{scores.n_chosen} of {n} chose the model's steps and thresholds: the scores flatter"
    if scores.unknown:
        yield f"labels that the model does not know ({', '.join(scores.unknown)}): it misses them all"


def score(
    pairs: Sequence[Pair],
    *,
    can: Iterable[Score] = SCORES,
    n_unused: int = 0,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Scores:
    """The scores of predictions that are there already. `can`: the scores that the model can have at all."""
    able = set(can)
    ordered = sorted(pairs, key=lambda pair: pair.article.id)
    results = _results(ordered, lambda p: p.found, n_resamples, seed)
    given = _results(ordered, lambda p: p.given, n_resamples, seed)
    return Scores(
        results={s: results[s] for s in SCORES if s in results and s in able},
        given={s: given[s] for s in GIVEN if s in given and s in able},
        unscored={s: _why_unscored(s, ordered, able) for s in SCORES if s not in results or s not in able},
        pairs=tuple(ordered),
        n_stories=len({pair.article.story_or_id for pair in ordered}),
        n_unused=n_unused,
        calibration=_calibration(ordered),
    )


def _why_unscored(score: Score, pairs: Iterable[Pair], able: set[Score]) -> str:
    if score not in able:
        return "the model does not predict it"
    needed = _LAYERS_OF.get(score, ("events",))
    if any(all(getattr(pair.gold, layer) is not None for layer in needed) for pair in pairs):
        return "the model does not predict what it builds on"
    return "nobody annotated it"


def _calibration(pairs: Sequence[Pair]) -> dict[str, BeforeAfter]:
    own = [item for pair in pairs for item in judge(pair.gold, pair.raw or pair.found)]
    return before_after(own, [item for pair in pairs for item in judge(pair.gold, pair.found)])


def abilities(nlp: "Language") -> tuple[Score, ...]:
    """The scores that the pipeline's components make possible; whatever sets entities predicts mentions."""
    does = {s for name in nlp.pipe_names for s in (*_DOES.get(_kind(nlp, name), ()), *_entities_of(nlp, name))}
    return tuple(s for s in SCORES if s in does)


def _entities_of(nlp: "Language", name: str) -> tuple[Score, ...]:
    return ("mentions",) if "doc.ents" in nlp.get_pipe_meta(name).assigns else ()


def _finds_spans(nlp: "Language", name: str) -> bool:
    return bool(_entities_of(nlp, name)) or _kind(nlp, name) in ("mentions", "triggers")


def _kind(nlp: "Language", name: str) -> str:
    """The last word of a component's factory; the words before it differ where a packaged model brought the code."""
    return nlp.get_pipe_meta(name).factory.rpartition("_")[2]


def _predict(nlp: "Language", articles: Sequence[Article], annotator: str | None) -> Iterator[Pair]:
    """Each article with its annotation and the model's."""
    able = set(abilities(nlp))
    gold = [_annotation(article, annotator) for article in articles]
    bare = [article.model_copy(update={"annotations": ()}) for article in articles]
    raw: list[Annotation | None] = [None] * len(bare)
    with uncalibrated(nlp) as is_calibrated:
        if is_calibrated:
            raw = [_only(done.annotations[0], able) for done in _found(nlp, bare)]
    given = _predict_given(nlp, bare, gold)
    for article, annotation, own, helped, before in zip(articles, gold, _found(nlp, bare), given, raw, strict=True):
        yield Pair(article, annotation, _only(own.annotations[0], able), _restored(helped, annotation), before)


def _found(nlp: "Language", articles: Sequence[Article]) -> Iterator[Article]:
    from .convert import from_doc

    docs = nlp.pipe(article.text for article in articles)
    return (from_doc(doc, article, annotator=PREDICTED) for doc, article in zip(docs, articles, strict=True))


def _annotation(article: Article, annotator: str | None) -> Annotation:
    found = annotation_of(article, annotator)
    if found is None:  # `usable` has seen to it
        raise ValueError(article.id)
    return found


def _only(found: Annotation, able: set[Score]) -> Annotation:
    """The prediction without the layers that the model does not predict, which are absent rather than empty.

    Nor does it have what would point into them.
    """
    layers = {"mentions": "mentions", "events": "triggers", "stances": "stances"}
    kept = found.model_copy(update={layer: None for layer, wanted in layers.items() if wanted not in able})
    mentions = {m.id for m in kept.mentions or ()}
    ends = {None, *mentions, *(e.id for e in kept.events or ())}
    update: dict[str, Any] = {}  # Any: the layers
    if kept.events is not None:
        update["events"] = tuple(
            e.model_copy(update={"arguments": tuple(a for a in e.arguments if a.mention in mentions)}) for e in kept.events
        )
    if kept.stances is not None:
        update["stances"] = tuple(s for s in kept.stances if s.holder in ends and s.target in ends)
    return kept.model_copy(update=update)


def _predict_given(nlp: "Language", articles: Sequence[Article], gold: Sequence[Annotation]) -> Iterator[Annotation]:
    """What the later components make of the gold mentions and triggers."""
    from .convert import from_doc, to_doc

    docs = []
    for article, annotation in zip(articles, gold, strict=True):
        events = annotation.events
        if events is not None:
            events = tuple(e.model_copy(update={"arguments": (), "attributes": {}}) for e in events)
        spans_only = annotation.model_copy(update={"events": events, "stances": None})
        doc, _losses = to_doc(article, spans_only, nlp)
        docs.append(doc)
    finders = [name for name in nlp.pipe_names if _finds_spans(nlp, name)]
    with nlp.select_pipes(disable=finders):
        done = list(nlp.pipe(docs))
    for doc, article in zip(done, articles, strict=True):
        yield from_doc(doc, article, annotator=PREDICTED).annotations[0]


def _restored(found: Annotation, gold: Annotation) -> Annotation:
    """The prediction over gold spans with the gold offsets, where a mark that begins inside a token had grown."""
    events = {event.id: event for event in found.events or ()}
    update: dict[str, Any] = {"mentions": gold.mentions, "events": None, "stances": found.stances or ()}  # Any: the layers
    if gold.events is not None:
        update["events"] = tuple(
            e.model_copy(
                update={
                    "arguments": events[e.id].arguments if e.id in events else (),
                    "attributes": events[e.id].attributes if e.id in events else {},
                }
            )
            for e in gold.events
        )
    return found.model_copy(update=update)


def _results(
    pairs: Sequence[Pair], side: Callable[[Pair], Annotation | None], n_resamples: int, seed: int
) -> dict[Score, Result]:
    """Each score, over the articles where both sides have the layer."""
    counted = []
    for pair in pairs:
        other = side(pair)
        if other is not None:
            counted.append((pair.article.story_or_id, count_matches(pair.gold, other)))
    return add_up(counted, n_resamples=n_resamples, seed=seed)
