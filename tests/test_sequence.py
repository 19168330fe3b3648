"""The probabilities of tag sequences are those of counting all sequences."""

from itertools import pairwise, product

import numpy as np
import pytest

from training.components.sequence import Floats, can_follow, chances, score_of

N_TAGS = 5


def counted(scores: Floats, follows: Floats) -> tuple[Floats, Floats, float]:
    """Tag probabilities, expected pairs and the logarithm of the total of one doc, sequence by sequence."""
    allowed = can_follow(N_TAGS)
    tags, pairs, total = np.zeros(scores.shape), np.zeros(follows.shape), 0.0
    for sequence in product(range(N_TAGS), repeat=len(scores)):
        steps = list(pairwise((0, *sequence, 0)))
        if all(allowed[step] for step in steps):
            weight = np.exp(sum(scores[i, tag] for i, tag in enumerate(sequence)) + sum(follows[step] for step in steps))
            total += weight
            tags[np.arange(len(scores)), sequence] += weight
            for step in steps:
                pairs[step] += weight
    return tags / total, pairs / total, float(np.log(total))


@pytest.mark.parametrize("lengths", [[1], [4], [3, 1], [2, 0, 3]])
def test_chances_are_those_of_all_sequences(lengths: list[int]) -> None:
    rng = np.random.default_rng(0)
    follows = rng.normal(size=(N_TAGS, N_TAGS)).astype("f")
    docs = [rng.normal(size=(n, N_TAGS)).astype("f") for n in lengths]
    found = chances(np.concatenate(docs), lengths, follows)
    tags, pairs, totals = zip(*(counted(doc, follows) for doc in docs if len(doc)), strict=True)
    assert found.tags == pytest.approx(np.concatenate(tags), abs=1e-5)
    assert found.log_total - lengths.count(0) * follows[0, 0] == pytest.approx(sum(totals), abs=1e-4)
    found.pairs[0, 0] -= lengths.count(0)  # an empty doc is O after O
    assert found.pairs == pytest.approx(sum(pairs), abs=1e-4)


def test_a_long_doc_among_short_ones_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    follows = rng.normal(size=(N_TAGS, N_TAGS)).astype("f")
    lengths = [3] * 9 + [600]
    scores = rng.normal(size=(sum(lengths), N_TAGS)).astype("f")
    together, alone = chances(scores, lengths, follows), chances(scores[-600:], [600], follows)
    assert together.tags[-600:] == pytest.approx(alone.tags, abs=1e-5)


def test_the_gold_sequence_is_scored_with_its_pairs() -> None:
    scores, follows = np.arange(15, dtype="f").reshape(3, 5), np.zeros((5, 5), dtype="f")
    follows[1, 2] = 100.0
    score, counts = score_of(scores, [2, 1], follows, np.asarray([1, 2, 0]))
    assert score == 1 + 7 + 10 + 100
    assert {(int(a), int(b)): int(counts[a, b]) for a, b in zip(*counts.nonzero(), strict=True)} == {
        (0, 1): 1,
        (1, 2): 1,
        (2, 0): 1,
        (0, 0): 2,
    }
