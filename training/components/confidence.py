"""From what a network says of an item to the chance that the item is right, by two numbers learnt on dev articles."""

from collections.abc import Mapping
from math import exp, log, prod

from spacy.tokens import Doc

from .spans import EVENTS, MENTIONS, SPARE

Calibration = Mapping[str, float]  # slope, not below 0, and offset
EDGE = 5e-5  # scores have four decimals: 0 and 1 stand for all that is nearer to them than this


def confidence(own: float, calibration: Calibration | None, *ends: float) -> float:
    """The chance that an item is right, with four decimals: sigmoid(slope * logit(own * ends) + offset).

    own: the network's probability, given that what the item joins is right. ends: the chances of that, 1.0 where it is
    known; an item is never surer than any of them. Without a calibration the network's probability as it is.
    Source: Platt 1999, "Probabilistic outputs for support vector machines", section 2.
    """
    if calibration is None:
        return round(own, 4)
    scaled = calibration["slope"] * logit(own * prod(ends)) + calibration["offset"]
    return round(min(1.0 / (1.0 + exp(-scaled)), *ends, 1.0), 4)


def logit(probability: float) -> float:
    """log(p / (1 - p)), with p kept EDGE away from 0 and 1."""
    p = min(max(probability, EDGE), 1.0 - EDGE)
    return log(p / (1.0 - p))


def scores_on(doc: Doc, kind: str = "scores") -> dict[str, float]:
    """Id -> score of the mentions, spare ones too, and events that have one; kind: or OWN_SCORES."""
    scores: dict[str, float] = {}
    for key in (MENTIONS, EVENTS):
        if key in doc.spans:
            scores |= {i: s for i, s in doc.spans[key].attrs.get(kind, {}).items() if s is not None}
            scores |= {own["id"]: own[kind] for own in doc.spans[key].attrs.get(SPARE, ())}
    return scores
