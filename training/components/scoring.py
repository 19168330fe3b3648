"""Scorers that count exact matches of triggers, arguments, attributes and stances, one to one, over all docs.

A doc whose reference lacks the layer is left out. A score is None where no doc has its layer.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any

from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import registry

from .spans import EVENTS, MENTIONS, STANCES

Items = set[tuple[str, Hashable]]  # (label, what else must match)
Scores = dict[str, Any]  # Any: numbers, None, and a table per label


@registry.scorers("copydesk.trigger_scorer.v1")  # type: ignore[untyped-decorator]  # catalogue has no types
def make_trigger_scorer() -> Callable[..., Scores]:
    return score_triggers


@registry.scorers("copydesk.argument_scorer.v1")  # type: ignore[untyped-decorator]  # catalogue has no types
def make_argument_scorer() -> Callable[..., Scores]:
    return score_arguments


@registry.scorers("copydesk.attribute_scorer.v1")  # type: ignore[untyped-decorator]  # catalogue has no types
def make_attribute_scorer() -> Callable[..., Scores]:
    return score_attributes


@registry.scorers("copydesk.stance_scorer.v1")  # type: ignore[untyped-decorator]  # catalogue has no types
def make_stance_scorer() -> Callable[..., Scores]:
    return score_stances


def score_triggers(examples: Iterable[Example], **_: Any) -> Scores:
    """triggers_id: offsets; triggers: offsets and type."""
    pairs = [(eg.reference, eg.predicted) for eg in examples if EVENTS in eg.reference.spans]
    return {
        **_score("triggers_id", [tuple({("", offsets) for _, offsets in triggers_of(d)} for d in pair) for pair in pairs]),
        **_score("triggers", [tuple(triggers_of(d) for d in pair) for pair in pairs]),
    }


def score_arguments(examples: Iterable[Example], **_: Any) -> Scores:
    """arguments_id: mention offsets and event type; arguments: role too; arguments_attached: trigger offsets too."""
    docs = [(eg.reference, eg.predicted) for eg in examples if {EVENTS, MENTIONS} <= eg.reference.spans.keys()]
    pairs = [tuple(list(arguments_of(doc)) for doc in pair) for pair in docs]
    return {
        **_score("arguments_id", [tuple({("", (t, m)) for _r, t, _e, m in side} for side in pair) for pair in pairs]),
        **_score("arguments", [tuple({(r, (t, m)) for r, t, _e, m in side} for side in pair) for pair in pairs]),
        **_score("arguments_attached", [tuple({(r, (t, e, m)) for r, t, e, m in side} for side in pair) for pair in pairs]),
    }


def score_attributes(examples: Iterable[Example], **_: Any) -> Scores:
    """attributes: name and value, of the triggers that match in offsets and type."""
    pairs = []
    for eg in examples:
        if EVENTS in eg.reference.spans:
            shared = triggers_of(eg.reference) & triggers_of(eg.predicted)
            pairs.append(tuple({i for i in _attributes(d) if i[1] in shared} for d in (eg.reference, eg.predicted)))
    return _score("attributes", pairs)


def score_stances(examples: Iterable[Example], **_: Any) -> Scores:
    """stances: holder and target offsets and label; those of the article itself are left out."""
    pairs = [(eg.reference, eg.predicted) for eg in examples if STANCES in eg.reference.spans]
    return _score("stances", [tuple(set(stances_of(d)) for d in pair) for pair in pairs])


def _score(name: str, pairs: Iterable[tuple[Items, ...]]) -> Scores:
    """pairs: the items of each doc, in the reference and as predicted."""
    counts: dict[str, list[int]] = {}
    n_docs = 0
    for gold, found in pairs:
        n_docs += 1
        for column, items in enumerate((gold & found, found - gold, gold - found)):
            for label, _ in items:
                counts.setdefault(label, [0, 0, 0])[column] += 1
    if not n_docs:
        return {f"{name}_p": None, f"{name}_r": None, f"{name}_f": None, f"{name}_per_type": None}
    total = [sum(row[column] for row in counts.values()) for column in range(3)]
    per_type = {label: _prf(*counts[label]) for label in sorted(counts)}
    return {f"{name}_{k}": v for k, v in _prf(*total).items()} | {f"{name}_per_type": per_type}


def _prf(tp: int, fp: int, fn: int) -> dict[str, float]:
    return {
        "p": tp / (tp + fp) if tp else 0.0,
        "r": tp / (tp + fn) if tp else 0.0,
        "f": 2 * tp / (2 * tp + fp + fn) if tp else 0.0,
    }


def triggers_of(doc: Doc) -> Items:
    """Event type and trigger offsets."""
    return {(span.label_, _offsets(span)) for span in doc.spans.get(EVENTS, ())}


def _offsets(span: Span) -> tuple[int, int]:
    return span.start_char, span.end_char


def arguments_of(doc: Doc) -> Iterator[tuple[str, str, tuple[int, int], tuple[int, int]]]:
    """Role, event type, trigger offsets, mention offsets."""
    if EVENTS not in doc.spans:
        return
    events = {s.id_: s for s in doc.spans[EVENTS]}
    mentions = {s.id_: s for s in doc.spans.get(MENTIONS, ())}
    for argument in doc.spans[EVENTS].attrs.get("arguments", ()):
        event, mention = events[argument["event"]], mentions[argument["mention"]]
        yield argument["role"], event.label_, _offsets(event), _offsets(mention)


def _attributes(doc: Doc) -> Items:
    """Name and value; event type and trigger offsets, as `triggers_of` has them."""
    if EVENTS not in doc.spans:
        return set()
    events = {s.id_: (s.label_, _offsets(s)) for s in doc.spans[EVENTS]}
    return {(f"{a['name']}={a['value']}", events[a["event"]]) for a in doc.spans[EVENTS].attrs.get("attributes", ())}


def stances_of(doc: Doc) -> Iterator[tuple[str, tuple[tuple[int, int], tuple[int, int]]]]:
    """Label; holder and target offsets, of the stances that a mention holds."""
    if STANCES not in doc.spans:
        return
    spans = {s.id_: s for key in (MENTIONS, EVENTS) for s in doc.spans.get(key, ())}
    for stance in doc.spans[STANCES].attrs.get("stances", ()):
        if stance["holder"] is not None:
            yield stance["label"], (_offsets(spans[stance["holder"]]), _offsets(spans[stance["target"]]))
