"""Probabilities of tag sequences, in which each tag's score depends on the one before: a linear-chain conditional random field.

Tags are O, then B and I of each label. I follows only B or I of its own label.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class Chances(NamedTuple):
    """What a field says about some docs, of which each is taken to have O before and after it."""

    tags: Floats  # (n_tokens, n_tags) the probability of each token's tag
    pairs: Floats  # (n_tags, n_tags) how often one tag is expected to follow another
    log_total: float  # logarithm of the sum over all sequences


def chances(scores: Floats, lengths: Sequence[int], follows: Floats) -> Chances:
    """scores: (n_tokens, n_tags), the docs end to end; follows: (n_tags, n_tags), the score of one tag after another."""
    if max(lengths) * len(lengths) > 4 * len(scores) + 1000:  # a long doc among short ones: no room for padding
        ends = np.cumsum(lengths)
        each = [chances(scores[end - n : end], [n], follows) for n, end in zip(lengths, ends, strict=True) if n]
        tags, pairs, totals = zip(*each, strict=True)
        return Chances(np.concatenate(tags), np.sum(pairs, axis=0), sum(totals))
    step = np.concatenate([np.arange(n) for n in lengths])
    doc = np.repeat(np.arange(len(lengths)), lengths)
    top = scores.max(axis=1, keepdims=True)
    own = np.zeros((max(lengths) + 1, len(lengths), len(follows)), dtype="f")  # (n_steps, n_docs, n_tags)
    own[..., 0] = 1.0  # after its end a doc has O
    own[step, doc] = np.exp(scores - top)
    after = np.where(can_follow(len(follows)), np.exp(follows), np.float32(0.0))
    before, scale = _from_left(own, after)
    own /= scale
    behind = _from_right(own, after)
    previous = np.concatenate((np.eye(1, len(follows), dtype="f")[None].repeat(len(lengths), axis=1), before[:-1]))
    real = np.arange(len(own))[:, None] <= np.asarray(lengths)  # the O right after the end counts
    expected = (own * behind)[real]
    pairs = after * (previous[real].T @ expected)
    total = float(np.log(scale[..., 0][real]).sum()) + float(top.sum())
    return Chances((before * behind)[step, doc], pairs, total)


def can_follow(n_tags: int) -> NDArray[np.bool_]:
    """(n_tags, n_tags): whether the second tag may come after the first."""
    tag = np.arange(n_tags)
    is_inside = (tag > 0) & (tag % 2 == 0)
    same_label = (tag[:, None] + 1) // 2 == (tag + 1) // 2
    result: NDArray[np.bool_] = ~is_inside | same_label
    return result


def _from_left(own: Floats, after: Floats) -> tuple[Floats, Floats]:
    """Of each step, the probability of its tags by all up to it, and the factors that make them sum to one."""
    before, scale = np.empty_like(own), np.empty((*own.shape[:2], 1), dtype="f")
    state = np.zeros(own.shape[1:], dtype="f")
    state[:, 0] = 1.0
    for t in range(len(own)):
        state = (state @ after) * own[t]
        scale[t] = total = state.sum(axis=1, keepdims=True)
        state /= total
        before[t] = state
    return before, scale


def _from_right(own: Floats, after: Floats) -> Floats:
    """Of each step, how much more probable its tags are made by all that is behind it."""
    behind = np.empty_like(own)
    turned = np.ascontiguousarray(after.T)
    state = np.ones(own.shape[1:], dtype="f")
    for t in range(len(own) - 1, -1, -1):
        behind[t] = state
        state = (state * own[t]) @ turned
    return behind


def score_of(scores: Floats, lengths: Sequence[int], follows: Floats, tags: Ints) -> tuple[float, Floats]:
    """The score of one sequence of tags per doc, and how often in them one tag follows another: (n_tags, n_tags)."""
    closed = np.insert(tags, np.cumsum(lengths), 0)  # an O between docs
    counts = np.zeros_like(follows)
    np.add.at(counts, (np.concatenate(([0], closed[:-1])), closed), 1.0)
    return float(scores[np.arange(len(tags)), tags].sum() + (counts * follows).sum()), counts
