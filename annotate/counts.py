"""How often each label occurs in a corpus, and numbers in words."""

from collections import Counter
from collections.abc import Iterable

from .records import Article, annotation_of

LabelCounts = Counter[tuple[str, str]]
ALL = "(all)"


def count_labels(articles: Iterable[Article]) -> LabelCounts:
    """(layer, label) -> how many, by the gold annotation of each article, or its only one; label ALL is the whole layer.

    Besides the layers there are 'articles' (by outlet), 'stories', 'words', 'arguments' (by role) and each attribute.
    Raises RecordError where an article has several annotations and none is gold.
    """
    counts: LabelCounts = Counter()
    stories = set()
    for article in articles:
        stories.add(article.story_or_id)
        counts["articles", article.outlet or "(no outlet)"] += 1
        counts["words", ALL] += len(article.text.split())
        annotation = annotation_of(article)
        if annotation is None:
            continue
        counts.update(("mentions", m.label) for m in annotation.mentions or ())
        for event in annotation.events or ():
            counts["events", event.label] += 1
            counts.update(("arguments", a.role) for a in event.arguments)
            counts.update(event.attributes.items())
        for stance in annotation.stances or ():
            counts["stances", stance.label] += 1
            counts["stances", "of the article itself"] += stance.holder is None
    counts["stories", ALL] = len(stories)
    return counts


def write_table(counts: LabelCounts) -> str:
    """One line for each layer, its total and its labels, the most frequent first."""
    layers = sorted({layer for layer, _ in counts})
    lines = []
    for layer in layers:
        labels = {label: n for (where, label), n in counts.items() if where == layer and n}
        part_of_others = labels.get("of the article itself", 0)
        total = labels.pop(ALL, None) or sum(labels.values()) - part_of_others
        listed = ", ".join(f"{label} {n:,}" for label, n in sorted(labels.items(), key=lambda pair: (-pair[1], pair[0])))
        lines.append(f"{layer:10} {total:7,}  {listed}".rstrip())
    return "\n".join(lines)


def n_of(n: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"
