"""Articles as spaCy Docs and back: where annotations sit on a Doc, and what a Doc's components cannot hold."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import accumulate
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc, DocBin, Span, SpanGroup

from annotate.errors import AlignmentError, DataError
from annotate.outputs import whole_file
from annotate.records import Annotation, Argument, Article, Event, Mention, Stance, annotation_of

from .components.reading import bound_tokenizer
from .components.spans import EVENTS, MENTIONS, STANCES, non_overlapping, without_edge_spaces

_ATTRS = ("ORTH", "SPACY", "ENT_IOB", "ENT_TYPE")
# what has a place of its own on the Doc
_PLACED = {"id", "start", "end", "label", "score", "arguments", "attributes", "attribute_scores"}


@dataclass
class Losses:
    """What the components cannot learn of the annotations they are given; the Doc itself still holds all of it."""

    n_articles: int = 0
    n_without_annotation: int = 0
    n_mentions: int = 0
    n_overlapping_mentions: int = 0  # not in doc.ents: in or across another one
    n_moved_mentions: int = 0  # grown to whole tokens
    n_events: int = 0
    n_second_types: int = 0  # a trigger's second event type
    n_overlapping_triggers: int = 0
    n_moved_triggers: int = 0
    n_arguments: int = 0
    n_far_arguments: int = 0  # in another sentence than their trigger
    n_second_roles: int = 0  # of one mention in one event
    n_stances: int = 0
    n_far_stances: int = 0  # holder and target in two sentences
    n_article_stances: int = 0  # held by the article itself

    def __add__(self, other: "Losses") -> "Losses":
        return Losses(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def lines(self) -> list[str]:
        """The counts in words, one line for each that is not zero."""
        texts = {
            "n_without_annotation": (self.n_articles, "articles without annotation: left out"),
            "n_overlapping_mentions": (self.n_mentions, "mentions overlap a longer one: not learnt as entities"),
            "n_moved_mentions": (self.n_mentions, "mentions begin or end inside a token: grown to whole tokens"),
            "n_second_types": (self.n_events, "events share their trigger with another type: not learnt as triggers"),
            "n_overlapping_triggers": (self.n_events, "triggers overlap a longer one: not learnt as triggers"),
            "n_moved_triggers": (self.n_events, "triggers begin or end inside a token: grown to whole tokens"),
            "n_far_arguments": (self.n_arguments, "arguments are in another sentence than their trigger: not learnt"),
            "n_second_roles": (self.n_arguments, "arguments are a second role of one mention in one event: not learnt"),
            "n_far_stances": (self.n_stances, "stances have holder and target in two sentences: not learnt"),
            "n_article_stances": (self.n_stances, "stances are the article's own: not learnt"),
        }
        return [f"{getattr(self, key)} of {total} {text}" for key, (total, text) in texts.items() if getattr(self, key)]


def to_doc(article: Article, annotation: Annotation | None, nlp: Language) -> tuple[Doc, Losses]:
    """The article as a Doc with the annotation on it, and what the components will not learn of it.

    The text is kept verbatim. A layer that is absent leaves its group, or the entities, unset.
    """
    doc = nlp.make_doc(article.text)
    doc.user_data["article"] = article.id
    losses = Losses(n_articles=1, n_without_annotation=int(annotation is None))
    if annotation is None:
        return doc, losses
    if annotation.mentions is not None:
        losses += _put_mentions(doc, annotation.mentions)
    if annotation.events is not None:
        losses += _put_events(doc, annotation.events)
    if annotation.stances is not None:
        _put_stances(doc, annotation.stances)
    return doc, losses + _unreachable(doc, annotation)


def from_doc(doc: Doc, article: Article, *, annotator: str) -> Article:
    """The article with the annotation that is on the Doc, as `annotator`'s; replaces one of the same name.

    A layer is there where its group (for mentions: the group, or entities) is on the Doc.
    Raises AlignmentError when the Doc has another text.
    """
    if doc.text != article.text:
        raise AlignmentError(f"article '{article.id}'", "differs from the text that was annotated", "convert it again")
    layers: dict[str, Any] = {}  # Any: the layers' tuples
    if MENTIONS in doc.spans or doc.has_annotation("ENT_IOB"):
        layers["mentions"] = _mentions_on(doc)
    if EVENTS in doc.spans:
        layers["events"] = _events_on(doc)
    if STANCES in doc.spans:
        layers["stances"] = tuple(Stance.model_validate(s) for s in doc.spans[STANCES].attrs.get("stances", ()))
    others = tuple(a for a in article.annotations if a.annotator != annotator)
    return article.model_copy(update={"annotations": (*others, Annotation(annotator=annotator, **layers))})


def blank_of(language: str, place: str) -> Language:
    """A pipeline that cuts texts into words and nothing else. Raises DataError where spaCy does not know the language.

    place: where the language was named.
    """
    try:
        return bound_tokenizer(spacy.blank(language))
    except ImportError as err:
        if "[E048]" in str(err):
            raise DataError(place, f"spaCy knows no language '{language}'", "correct it") from err
        reason = " ".join(str(err).split()).rstrip(".")
        raise DataError(place, f"spaCy's '{language}' lacks another package ({reason})", "install that one") from err


def convert_records(
    articles: Iterable[Article], nlp: Language, path: Path, *, annotator: str | None = None, force: bool = False
) -> Losses:
    """Writes the annotated articles as a DocBin for `spacy train` and returns what the components will not learn.

    annotator: whose annotation, see `annotate.records.annotation_of`. Articles without one are counted and left out.
    Raises DataError where none is left.
    """
    total = Losses()
    docs = []
    for article in articles:
        doc, losses = to_doc(article, annotation_of(article, annotator), nlp)
        total += losses
        if not losses.n_without_annotation:
            docs.append(doc)
    if not docs:
        raise DataError(str(path), "would be without an article", "give annotated articles, or name another --annotator")
    write_docs(path, docs, force=force)
    return total


def to_docbin(docs: Iterable[Doc]) -> DocBin:
    """The docs with everything `to_doc` puts on them."""
    return DocBin(attrs=_ATTRS, docs=docs, store_user_data=True)


def write_docs(path: Path, docs: Iterable[Doc], *, force: bool = False) -> None:
    """Writes docs as a .spacy file that appears whole. Raises DataError where it is there already, unless `force`."""
    with whole_file(path, force=force) as temporary:
        temporary.write_bytes(to_docbin(docs).to_bytes())


def _put_mentions(doc: Doc, mentions: tuple[Mention, ...]) -> Losses:
    spans = [_span(doc, m) for m in mentions]
    doc.spans[MENTIONS] = SpanGroup(doc, name=MENTIONS, spans=spans, attrs=_attrs(mentions))
    trimmed = [s for s in map(without_edge_spaces, spans) if s is not None]
    entities = non_overlapping(trimmed)
    doc.set_ents(entities)
    return Losses(
        n_mentions=len(mentions),
        n_overlapping_mentions=len(trimmed) - len(entities),
        n_moved_mentions=_count_moved(mentions, spans),
    )


def _put_events(doc: Doc, events: tuple[Event, ...]) -> Losses:
    spans = [_span(doc, e) for e in events]
    arguments = [{"event": e.id, **_plain(a)} for e in events for a in e.arguments]
    values = [
        {"event": e.id, "name": name, "value": value, "score": (e.attribute_scores or {}).get(name)}
        for e in events
        for name, value in e.attributes.items()
    ]
    attrs = _attrs(events) | {"arguments": arguments, "attributes": values}
    doc.spans[EVENTS] = SpanGroup(doc, name=EVENTS, spans=spans, attrs=attrs)
    n_places = len({(s.start, s.end) for s in spans})
    return Losses(
        n_events=len(events),
        n_second_types=len(spans) - n_places,
        n_overlapping_triggers=n_places - len(non_overlapping(spans)),
        n_moved_triggers=_count_moved(events, spans),
    )


def _put_stances(doc: Doc, stances: tuple[Stance, ...]) -> None:
    known = {s.id_: s for key in (MENTIONS, EVENTS) for s in doc.spans.get(key, ())}
    targets = [known[s.target] for s in stances if s.target in known]
    attrs = {"stances": [_plain(s) for s in stances]}
    doc.spans[STANCES] = SpanGroup(doc, name=STANCES, spans=targets, attrs=attrs)


def _unreachable(doc: Doc, annotation: Annotation) -> Losses:
    """Arguments and stances that the pair components never see: they look within sentences, one role for each pair."""
    arguments = [(e.id, a.mention) for e in annotation.events or () for a in e.arguments]
    stances = [(s.holder, s.target) for s in annotation.stances or ()]
    if not arguments and not stances:
        return Losses()
    sentences = list(accumulate(Sentencizer().predict([doc])[0]))
    sentence_of = {s.id_: sentences[s.start] for key in (MENTIONS, EVENTS) for s in doc.spans.get(key, ())}
    held = [pair for pair in stances if pair[0] is not None]
    return Losses(
        n_arguments=len(arguments),
        n_far_arguments=sum(sentence_of.get(event) != sentence_of.get(mention) for event, mention in arguments),
        n_second_roles=len(arguments) - len(set(arguments)),
        n_stances=len(stances),
        n_far_stances=sum(sentence_of.get(str(holder)) != sentence_of.get(target) for holder, target in held),
        n_article_stances=len(stances) - len(held),
    )


def _span(doc: Doc, item: Mention | Event) -> Span:
    span = doc.char_span(item.start, item.end, label=item.label, span_id=item.id, alignment_mode="expand")
    if span is None:
        raise AlignmentError(f"'{item.id}'", f"lies outside the text ({item.start} to {item.end})", "export it again")
    return span


def _count_moved(items: Iterable[Mention | Event], spans: Iterable[Span]) -> int:
    return sum((i.start, i.end) != (s.start_char, s.end_char) for i, s in zip(items, spans, strict=True))


def _attrs(items: Sequence[Mention | Event]) -> dict[str, Any]:
    """Scores, and whatever has no place of its own, by id. Any: plain JSON."""
    scores = {i.id: i.score for i in items if i.score is not None}
    rest = {i.id: more for i in items if (more := i.model_dump(mode="json", exclude_unset=True, exclude=_PLACED))}
    return ({"scores": scores} if scores else {}) | ({"rest": rest} if rest else {})


def _plain(item: Argument | Stance) -> dict[str, Any]:
    """Any: plain JSON."""
    return {"score": None, **item.model_dump(mode="json", exclude_unset=True)}


def _mentions_on(doc: Doc) -> tuple[Mention, ...]:
    if MENTIONS not in doc.spans:
        return tuple(Mention(id=f"m{i}", start=e.start_char, end=e.end_char, label=e.label_) for i, e in enumerate(doc.ents, 1))
    group = doc.spans[MENTIONS]
    return tuple(Mention.model_validate(_fields(span, group.attrs)) for span in group)


def _events_on(doc: Doc) -> tuple[Event, ...]:
    group = doc.spans[EVENTS]
    arguments: dict[str, list[Argument]] = {}
    attributes: dict[str, dict[str, str]] = {}
    sure: dict[str, dict[str, dict[str, float]]] = {}
    for argument in group.attrs.get("arguments", ()):
        plain = {key: value for key, value in argument.items() if key != "event"}
        arguments.setdefault(argument["event"], []).append(Argument.model_validate(plain))
    for value in group.attrs.get("attributes", ()):
        attributes.setdefault(value["event"], {})[value["name"]] = value["value"]
        if value.get("score") is not None:
            scores = sure.setdefault(value["event"], {"attribute_scores": {}})
            scores["attribute_scores"][value["name"]] = value["score"]
    return tuple(
        Event.model_validate(
            _fields(span, group.attrs)
            | {"arguments": tuple(arguments.get(span.id_, ())), "attributes": attributes.get(span.id_, {})}
            | sure.get(span.id_, {})
        )
        for span in group
    )


def _fields(span: Span, attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Any: plain JSON."""
    placed: dict[str, Any] = {"id": span.id_, "start": span.start_char, "end": span.end_char, "label": span.label_}
    rest: dict[str, Any] = attrs.get("rest", {}).get(span.id_, {})
    return placed | {"score": attrs.get("scores", {}).get(span.id_)} | rest
