"""Texts that say the same in nearly the same words, which let a model be tested on what it was taught.

Candidates come from MinHash signatures in bands (Broder 1997; Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets",
chapter 3), and each is then compared in full: what is reported has the similarity that it is said to have.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from annotate.counts import n_of
from annotate.records import Article

N_WORDS = 3  # in a shingle
SAME_ARTICLE = 0.5  # Jaccard similarity of shingles: an agency's report with a new lead and a few sentences cut
SAME_SENTENCE = 0.7
MIN_SHINGLES = 6  # shorter sentences ("He did not elaborate.") may repeat
N_PERMUTATIONS = 128

Shingles = frozenset[tuple[str, ...]]
Name = TypeVar("Name", bound=str)


class Twins(NamedTuple):
    """Two texts by their keys, and the Jaccard similarity of their shingles."""

    first: str
    second: str
    similarity: float


def find_twins(texts: Mapping[str, str], threshold: float) -> list[Twins]:
    """The pairs of texts that are at least as similar as `threshold`, sorted; texts too short to tell are left out."""
    from datasketch import MinHash, MinHashLSH

    shingles = {key: own for key, text in sorted(texts.items()) if len(own := shingle(text)) >= MIN_SHINGLES}
    index = MinHashLSH(threshold=0.8 * threshold, num_perm=N_PERMUTATIONS)  # lower, so that hardly a pair is overlooked
    found = []
    for key, own in shingles.items():
        signature = MinHash(num_perm=N_PERMUTATIONS, seed=1)
        signature.update_batch([" ".join(words).encode() for words in sorted(own)])
        for other in sorted(index.query(signature)):
            similarity = len(own & shingles[other]) / len(own | shingles[other])
            if similarity >= threshold:
                found.append(Twins(other, key, round(similarity, 3)))
        index.insert(key, signature)
    return sorted(found)


def shingle(text: str) -> Shingles:
    """Every N_WORDS successive words."""
    words = re.findall(r"\w+", text.lower())
    return frozenset(tuple(words[i : i + N_WORDS]) for i in range(len(words) - N_WORDS + 1))


def stories_of(articles: Sequence[Article]) -> dict[str, str]:
    """Article id -> the story to keep it with: its own, or where it names none, that of a text that is nearly the same."""
    stories = {a.id: a.story_or_id for a in articles}
    nameless = {a.id for a in articles if a.story is None}
    if not nameless:
        return stories
    for twins in find_twins({a.id: a.text for a in articles}, SAME_ARTICLE):
        joined, kept = stories[twins.second], stories[twins.first]
        if twins.second not in nameless:
            joined, kept = kept, joined
        if nameless & {twins.first, twins.second}:
            stories = {key: kept if story == joined else story for key, story in stories.items()}
    return stories


def with_stories(articles: Sequence[Article]) -> list[Article]:
    """The articles, each with the story to keep it with."""
    stories = stories_of(articles)
    return [a if stories[a.id] == a.story_or_id else a.model_copy(update={"story": stories[a.id]}) for a in articles]


def leaks(parts: Mapping[Name, Sequence[Article]]) -> Iterator[str]:
    """What dev and test have nearly word for word from train, in words; sentences only of articles that are not copies."""
    part_of = {article.id: str(part) for part, own in parts.items() for article in own}
    whole = {article.id: article.text for own in parts.values() for article in own}
    copies = _copied(whole, part_of, SAME_ARTICLE)
    yield from _told(copies, part_of, "article")
    pieces = {(key, i): text for key in whole.keys() - copies for i, text in enumerate(_sentences(whole[key]))}
    number = {f"{i:08}": key for i, (key, _) in enumerate(sorted(pieces))}
    sentences = dict(zip(number, (pieces[piece] for piece in sorted(pieces)), strict=True))
    copies = _copied(sentences, {key: part_of[article] for key, article in number.items()}, SAME_SENTENCE)
    yield from _told([number[key] for key in sorted(copies)], part_of, "sentence")


def _copied(texts: Mapping[str, str], part_of: Mapping[str, str], threshold: float) -> set[str]:
    """The keys of texts outside of train that are nearly the same as one in train."""
    pairs = [{twins.first, twins.second} for twins in find_twins(texts, threshold)]
    return {key for pair in pairs for key in pair if part_of[key] != "train" and "train" in {part_of[k] for k in pair}}


def _told(copied: Iterable[str], part_of: Mapping[str, str], noun: str) -> Iterator[str]:
    """copied: article ids, one for each copy."""
    for part in ("dev", "test"):
        own = [key for key in copied if part_of[key] == part]
        if own:
            some = ", ".join(sorted(set(own))[:3])
            yield f"{n_of(len(own), noun)} of {part} nearly as in train ({some}): scores on {part} flatter"


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?”\"])\s+", text)


def pretended(stories: Iterable[str], share: float) -> float:
    """The share of a part's articles that would have one of their own story elsewhere, were the part drawn article by article.

    stories: one for each article. share: of the articles, in the part.
    """
    sizes: dict[str, int] = {}
    for story in stories:
        sizes[story] = sizes.get(story, 0) + 1
    n_articles = sum(sizes.values())
    return sum(n * (1 - share ** (n - 1)) for n in sizes.values()) / n_articles if n_articles else 0.0
