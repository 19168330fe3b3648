"""Candidates for the span classifiers: their text segments, categories and n-gram regions, all as arrays.

Nothing here loops over candidates, so a text with hundreds of mentions costs milliseconds. Offsets are tokens counted
over the whole batch, docs laid end to end.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import NORM, SENT_START  # type: ignore[import-not-found]  # Cython, no types
from spacy.tokens import Doc

from .spans import Hashes, Ints, Ranges

N_SEGMENTS = 8
N_CONTEXT = 3  # tokens beside a span that count as its context
MAX_BESIDE = 24  # partners on each side of a span; no sentence of the starter corpus or the benchmarks has more than 18


@dataclass
class Batch:
    """Docs laid end to end, with the sentence of each token."""

    docs: list[Doc]
    doc_start: Ints = field(init=False)  # (n_docs,)
    words: Hashes = field(init=False)  # (n_tokens,) hash of the normalised form
    sentence: Ints = field(init=False)  # (n_tokens,)
    sentence_start: Ints = field(init=False)  # (n_sentences,)
    sentence_end: Ints = field(init=False)  # (n_sentences,)

    def __post_init__(self) -> None:
        lengths = [len(doc) for doc in self.docs]
        ends = np.cumsum(lengths, dtype=np.int64)
        self.doc_start = ends - lengths
        arrays = [doc.to_array([NORM, SENT_START]) for doc in self.docs if len(doc)]
        table = np.concatenate(arrays) if arrays else np.zeros((0, 2), dtype=np.uint64)
        self.words = np.ascontiguousarray(table[:, 0])
        is_start = table[:, 1] == 1
        is_start[self.doc_start[np.asarray(lengths, dtype=np.int64) > 0]] = True
        self.sentence = np.cumsum(is_start) - 1
        self.sentence_start = np.flatnonzero(is_start)
        self.sentence_end = np.append(self.sentence_start[1:], len(self.words))


@dataclass
class Candidates:
    """What the classifier sees of each candidate, and which labels are open to it."""

    batch: Batch
    first: Ints  # (n,) row of the first span in its table
    second: Ints  # (n,) row of the second span in its table; equal to `first` where there is only one
    segments: Ints  # (n, N_SEGMENTS, 2) start and end
    categories: Hashes  # (n, n_categories)
    regions: Ints  # (n, n_regions, 2) where n-grams are taken
    region_names: Ints  # (n, n_regions) n-grams of regions of one name share their weights

    def __len__(self) -> int:
        return len(self.first)


def pairs_within_sentences(batch: Batch, first: Ranges, second: Ranges, *, max_distance: int) -> tuple[Ints, Ints]:
    """Rows of all pairs whose spans start in one sentence, at most `max_distance` tokens apart and within reach.

    Within reach of a span are the MAX_BESIDE nearest that start before it and as many of those that do not, so that a list of
    hundreds of names costs no more per name than one of fifty.
    """
    order = np.argsort(second.start, kind="stable")
    starts = second.start[order]
    sentence = batch.sentence[first.start]
    low = np.searchsorted(starts, np.maximum(batch.sentence_start[sentence], first.start - max_distance))
    high = np.searchsorted(starts, np.minimum(batch.sentence_end[sentence], first.start + max_distance + 1))
    here = np.searchsorted(starts, first.start)
    rows, places = spread(np.maximum(low, here - MAX_BESIDE), np.minimum(high, here + MAX_BESIDE + 1))
    return rows, order[places]


def spread(low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """All numbers of each range [low, high), and the row that each is from."""
    counts = np.maximum(high - low, 0)
    rows = np.repeat(np.arange(len(low)), counts)
    before = np.cumsum(counts) - counts
    return rows, np.arange(len(rows)) - before[rows] + low[rows]


def describe_pairs(batch: Batch, first: Ranges, second: Ranges, a: Ints, b: Ints) -> Candidates:
    """The pairs of rows `a` of `first` and `b` of `second`, with what is in, between and around them."""
    a_start, a_end, b_start, b_end = first.start[a], first.end[a], second.start[b], second.end[b]
    low, high = batch.sentence_start[batch.sentence[a_start]], batch.sentence_end[batch.sentence[a_start]]
    is_forward = a_start <= b_start
    left_start = np.minimum(a_start, b_start)
    left_end = np.where(is_forward, a_end, b_end)
    right_start = np.maximum(a_start, b_start)
    right_end = np.where(is_forward, b_end, a_end)
    between = (np.minimum(left_end, right_start), right_start)
    before = (np.maximum(low, left_start - N_CONTEXT), left_start)
    after = (right_end, np.minimum(high, right_end + N_CONTEXT))
    segments = _stack(
        (a_start, a_end), (b_start, b_end), between, before, after,
        (np.maximum(low, b_start - 1), b_start), (b_end, np.minimum(high, b_end + 1)), (low, high),
    )  # fmt: skip
    gap = np.minimum(right_start - left_end, 20)
    starts = np.sort(second.start)
    n_between = np.searchsorted(starts, between[1]) - np.searchsorted(starts, between[0])
    categories = np.stack(
        [
            first.label[a],
            second.label[b],
            _mix(first.label[a], second.label[b]),
            ((gap + 21) * 2 + is_forward).astype(np.uint64),
            (np.minimum(n_between, 6) * 4 + (is_forward * 2) + (left_end > right_start)).astype(np.uint64),
        ],
        axis=1,
    )  # (n, 5)
    regions = _stack(between, before, after, (a_start, a_end), (b_start, b_end))
    names = np.arange(1, 6)[None, :] + 8 * is_forward[:, None]
    return Candidates(batch, a, b, segments, categories, regions, names)


def with_category(candidates: Candidates, values: Hashes) -> Candidates:
    """The candidates with one more category."""
    return replace(candidates, categories=np.column_stack([candidates.categories, values]))  # (n, n_categories + 1)


def describe_singles(batch: Batch, spans: Ranges) -> Candidates:
    """Every span alone, with what is around it."""
    rows = np.arange(len(spans.start))
    start, end = spans.start, spans.end
    low, high = batch.sentence_start[batch.sentence[start]], batch.sentence_end[batch.sentence[start]]
    near = (np.maximum(low, start - N_CONTEXT), start), (end, np.minimum(high, end + N_CONTEXT))
    far = (np.maximum(low, start - 10), start), (end, np.minimum(high, end + 10))
    beside = (np.maximum(low, start - 1), start), (end, np.minimum(high, end + 1))
    segments = _stack((start, end), *near, *far, *beside, (low, high))
    zeros = np.zeros_like(spans.label)
    categories = np.stack([spans.label, zeros, zeros, zeros, zeros], axis=1)  # (n, 5)
    regions = _stack((start, end), *near, *far)
    names = np.broadcast_to(np.arange(1, 6), (len(rows), 5))
    return Candidates(batch, rows, rows, segments, categories, regions, names)


def ngram_features(candidates: Candidates, n_rows: int) -> tuple[Hashes, Ints]:
    """Hashed unigrams and bigrams of the regions: a key per n-gram, candidate by candidate, and how many each has."""
    words = candidates.batch.words
    following = np.append(words[1:], np.uint64(0))
    grams = np.concatenate([words, _mix(words, following)])  # (2 * n_tokens,)
    start, end = candidates.regions[:, :, 0], candidates.regions[:, :, 1]  # (n, n_regions)
    low = np.concatenate([start, start + len(words)], axis=1)  # (n, 2 * n_regions)
    high = np.concatenate([end, np.maximum(start, end - 1) + len(words)], axis=1)
    names = np.concatenate([candidates.region_names, candidates.region_names + 64], axis=1)
    rows, places = spread(low.ravel(), high.ravel())
    keys = _mix(grams[places], names.ravel()[rows].astype(np.uint64)) % np.uint64(n_rows)
    n_keys = np.maximum(high - low, 0).sum(axis=1)
    return keys, n_keys


def _stack(*ranges: tuple[Ints, Ints]) -> Ints:
    return np.stack([np.stack(r, axis=1) for r in ranges], axis=1)  # (n, n_ranges, 2)


def _mix(one: NDArray[np.uint64], two: NDArray[np.uint64]) -> Hashes:
    """A hash of two hashes, the same on every machine (arithmetic modulo 2 ** 64)."""
    mixed = (one ^ (two * np.uint64(0x9E3779B97F4A7C15))) * np.uint64(0xBF58476D1CE4E5B9)
    result: Hashes = mixed ^ (mixed >> np.uint64(31))
    return result
