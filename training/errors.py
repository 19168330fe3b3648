"""What is wrong with a prediction, error by error: missed, spurious, or wrong in one respect; each error counts once.

In each score the items that match exactly are right. The rest are paired one to one, a gold item with a found one, where
the two have to do with one another: their words overlap (for arguments, the mention's; for stances, those of holder and
target, either way round). What is least wrong is paired first. A pair is one error, classed by the first of KINDS that
applies to it; what finds no partner is missed (gold) or spurious (found). Much the same is done for objects in images by
TIDE (Bolya et al. 2020, arXiv 2008.08115), for entities by MUC-5 (Chinchor and Sundheim 1993).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from annotate.matching import Item, Matches, Score, match
from annotate.records import Annotation

DIRECTION = "wrong direction"
ATTACHMENT = "wrong attachment"
TYPE = "wrong type"
ROLE = "wrong role"
POLARITY = "wrong polarity"
BOUNDARY = "wrong boundary"
MISSED = "missed"
SPURIOUS = "spurious"
_ATTRIBUTE = "wrong {}"  # with the attribute's name: "wrong modality"
KINDS: Mapping[str, str] = {
    DIRECTION: "holder and target of the stance have changed places",
    ATTACHMENT: "the mention has this role, but in another event",
    TYPE: "another entity label or event type",
    ROLE: "the mention takes part in this event, but in another role",
    POLARITY: "another label of the stance between these two",
    _ATTRIBUTE: "another value, on a trigger that is right",
    BOUNDARY: "the words overlap, and nothing else is wrong",
    MISSED: "only gold has it",
    SPURIOUS: "only the model has it",
}

_OF_LABELS: Mapping[Score, tuple[str, ...]] = {  # what it is called when one of an item's labels is another
    "mentions": (TYPE,),
    "triggers_id": (),
    "triggers": (TYPE,),
    "arguments_id": (TYPE,),
    "arguments": (TYPE, ROLE),
    "arguments_attached": (TYPE, ROLE),
    "stances": (POLARITY,),
}
_TITLES: Mapping[Score, str] = {  # of the matrices; an attribute's has its name
    "mentions": "entity labels",
    "triggers": "event types",
    "arguments_attached": "roles",
    "attributes": "",
    "stances": "polarity",
}
BLOCK = 64  # characters
Span = tuple[int, int]
Cells = Counter[tuple[str | None, str | None]]


class Error(NamedTuple):
    """One error of one score; gold is None where it is spurious, found where it is missed."""

    score: Score
    kind: str
    gold: Item | None
    found: Item | None

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(item for item in (self.gold, self.found) if item is not None)


class Confusion(NamedTuple):
    """Which label was taken for which. cells: (gold label, found label) -> how often; None: nothing on that side.

    Every gold item is in one row and every found one in one column. What overlaps is paired, so a label that is right
    counts as right here even where the boundary is wrong.
    """

    title: str
    labels: tuple[str, ...]
    cells: Mapping[tuple[str | None, str | None], int]


def errors_of(gold: Annotation, found: Annotation) -> dict[Score, list[Error]]:
    """The errors of each score that both annotations have a say in, in the order of the text."""
    return {score: classify(score, matches) for score, matches in match(gold, found).items()}


def classify(score: Score, matches: Matches) -> list[Error]:
    """The errors of one score; `first` of the matches is gold. Each item that is not in both is in exactly one error."""
    candidates = sorted(
        (len(wrong), _rank(wrong[0]), -closeness, gold, found, wrong[0])
        for gold, found in _neighbours(matches)
        for wrong, closeness in _compare(score, gold, found)
    )
    left, right = set(matches.first_only), set(matches.second_only)
    errors = []
    for *_, gold, found, kind in candidates:
        if gold in left and found in right:
            left.remove(gold)
            right.remove(found)
            errors.append(Error(score, kind, gold, found))
    errors += [Error(score, MISSED, gold, None) for gold in left]
    errors += [Error(score, SPURIOUS, None, found) for found in right]
    return sorted(errors, key=lambda error: (error.items, error.kind))


def confusions(pairs: Iterable[tuple[Annotation, Annotation]], scores: Iterable[Score]) -> list[Confusion]:
    """A matrix for each score that has labels, and for each attribute, from pairs of gold and found; labels by frequency."""
    wanted = [score for score in _TITLES if score in set(scores)]
    cells: dict[tuple[Score, str], Cells] = {}
    for gold, found in pairs:
        for score, matches in match(gold, found).items():
            if score in wanted:
                both = [(item, item) for item in matches.both]
                wrong = [(error.gold, error.found) for error in classify(score, matches)]
                for one, other in both + wrong:
                    name, *labels = _cell(score, one, other)
                    cells.setdefault((score, name), Cells())[labels[0], labels[1]] += 1
    order = sorted(cells, key=lambda key: (wanted.index(key[0]), key[1]))
    return [Confusion(key[1], _by_frequency(cells[key]), cells[key]) for key in order]


def sense_of(kind: str) -> str:
    """What a kind means."""
    return KINDS.get(kind, KINDS[_ATTRIBUTE])


def kind_order(kind: str) -> tuple[int, str]:
    """Sorts kinds as KINDS has them."""
    return _rank(kind), kind


def _rank(kind: str) -> int:
    return list(KINDS).index(kind if kind in KINDS else _ATTRIBUTE)


def _neighbours(matches: Matches) -> Iterator[tuple[Item, Item]]:
    """Pairs of a gold and a found item that can have to do with one another, so that long articles do not take long.

    The first span of gold must overlap a span of the other. Text is cut into blocks, and pairs share one.
    """
    blocks: dict[int, list[Item]] = {}
    for found in matches.second_only:
        for block in {block for span in _spans(found) for block in _blocks(span)}:
            blocks.setdefault(block, []).append(found)
    for gold in matches.first_only:
        for found in {found for block in _blocks(_spans(gold)[0]) for found in blocks.get(block, ())}:
            yield gold, found


def _blocks(span: Span) -> range:
    return range(span[0] // BLOCK, (span[1] - 1) // BLOCK + 1)


def _compare(score: Score, gold: Item, found: Item) -> Iterator[tuple[list[str], float]]:
    """What is wrong, gravest first, and how close the words are, 0 to 1 for each span; nothing for unrelated items."""
    if score == "attributes":
        name = _attribute(gold)
        if gold.offsets == found.offsets and gold.labels[:-1] == found.labels[:-1] and name == _attribute(found):
            yield [_ATTRIBUTE.format(name)], 1.0
        return
    ours, theirs = _spans(gold), _spans(found)
    wrong = {kind for kind, a, b in zip(_OF_LABELS[score], gold.labels, found.labels, strict=True) if a != b}
    if score == "stances":
        turned = theirs[::-1]
        if ours == turned or (not _overlap(ours, theirs) and _overlap(ours, turned)):
            theirs = turned
            wrong.add(DIRECTION)
    elif score == "arguments" and len(wrong) == len(gold.labels):
        return  # with no trigger to hold them together, these are two arguments
    elif score == "arguments_attached" and not _overlap(ours[1:], theirs[1:]):
        if ROLE in wrong:
            return
        wrong = {ATTACHMENT}  # another event has a type of its own
        ours, theirs = ours[:1], theirs[:1]
    if _overlap(ours, theirs):
        if ours != theirs:
            wrong.add(BOUNDARY)
        yield sorted(wrong, key=_rank), sum(map(_jaccard, ours, theirs))


def _spans(item: Item) -> list[Span]:
    return list(zip(item.offsets[::2], item.offsets[1::2], strict=True))


def _overlap(ours: list[Span], theirs: list[Span]) -> bool:
    return all(a[0] < b[1] and b[0] < a[1] for a, b in zip(ours, theirs, strict=True))


def _jaccard(a: Span, b: Span) -> float:
    """Shared characters of all characters, for spans that overlap."""
    return (min(a[1], b[1]) - max(a[0], b[0])) / (max(a[1], b[1]) - min(a[0], b[0]))


def _attribute(item: Item) -> str:
    return (item.label or "").partition("=")[0]


def _cell(score: Score, gold: Item | None, found: Item | None) -> tuple[str, str | None, str | None]:
    """The title of the matrix, and row and column."""
    labels = [None if item is None else item.label for item in (gold, found)]
    if score != "attributes":
        return _TITLES[score], labels[0], labels[1]
    name = _attribute(gold or found or Item(()))
    values = [None if label is None else label.partition("=")[2] for label in labels]
    return name, values[0], values[1]


def _by_frequency(cells: Cells) -> tuple[str, ...]:
    """All labels, those that gold has most often first."""
    n: Counter[str] = Counter()
    for (gold, found), count in cells.items():
        for label, weight in ((gold, count), (found, 0)):
            if label is not None:
                n[label] += weight
    return tuple(sorted(n, key=lambda label: (-n[label], label)))
