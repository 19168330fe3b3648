"""How far annotators agree who marked the same articles: the comparison of `matching`, between two people."""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from .counts import n_of
from .differences import differences
from .errors import DataError
from .matching import Counts, count_article_stances, count_matches
from .outputs import refuse_to_overwrite, whole_file
from .records import Annotation, Article
from .schema import Schema
from .scores import COVERAGE, Result, add_up, in_words
from .sources import join_annotations, refuse_to_replace, scan_articles

ARTICLE_STANCES = "stances of the article"


class Kappa(NamedTuple):
    """Cohen's kappa of a choice that both made for n of the same words; None where both always chose one and the same."""

    value: float | None
    n: int


class Pair(NamedTuple):
    """An article that both annotated."""

    article: Article
    first: Annotation
    second: Annotation


class Agreement(NamedTuple):
    """Two annotators. results: score -> F1, which is the same whoever is taken for the truth; fn: only the first has it."""

    first: str
    second: str
    n_articles: int
    n_stories: int
    results: Mapping[str, Result]
    kappas: Mapping[str, Kappa]

    def to_json(self) -> dict[str, Any]:
        """The plain numbers. Any: numbers, null and tables of them."""
        return {
            "first": self.first,
            "second": self.second,
            "n_articles": self.n_articles,
            "n_stories": self.n_stories,
            "scores": {name: result.to_json() for name, result in self.results.items()},
            "kappa": {name: {"value": kappa.value, "n": kappa.n} for name, kappa in self.kappas.items()},
        }


def agree_files(
    inputs: Sequence[str],
    schema: Schema,
    *,
    annotators: Sequence[str] = (),
    differences_file: Path | None = None,
    json_file: Path | None = None,
    force: bool = False,
) -> str:
    """Compares the annotators of all inputs two by two and returns the tables; writes the files that are asked for.

    Raises DataError when an output is there already (without `force`), or there is nothing to compare.
    """
    refuse_to_replace(inputs, differences_file, json_file)
    for path in (differences_file, json_file):
        if path is not None:
            refuse_to_overwrite(path, force=force)
    pairs = pairs_of(join_annotations(scan_articles(inputs, schema=schema)), annotators=annotators)
    found = [agree(own) for _names, own in sorted(pairs.items())]
    if differences_file is not None:
        write_differences(differences_file, (pair for own in pairs.values() for pair in own), force=force)
    if json_file is not None:
        with whole_file(json_file, force=force) as temporary:
            plain = [agreement.to_json() for agreement in found]
            temporary.write_text(json.dumps(plain, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return "\n\n".join(map(to_text, found))


def pairs_of(articles: Iterable[Article], *, annotators: Sequence[str] = ()) -> dict[tuple[str, str], list[Pair]]:
    """The articles that each two annotators (of those named, or of all) have in common; skipped ones are left out.

    Raises DataError where no two of them have one.
    """
    pairs: dict[tuple[str, str], list[Pair]] = {}
    for article in articles:
        made = {a.annotator: a for a in article.annotations if not a.is_skipped}
        names = [name for name in annotators if name in made] if annotators else sorted(made)
        for one, other in combinations(names, 2):
            pairs.setdefault((one, other), []).append(Pair(article, made[one], made[other]))
    if not pairs:
        who = " and ".join(annotators) if annotators else "two annotators"
        raise DataError("the articles", f"have none that {who} annotated", "give the annotations of both, in one file or two")
    return pairs


def agree(pairs: Sequence[Pair], *, seed: int = 0) -> Agreement:
    """The agreement of the two annotators on the articles that they share."""
    stories = {pair.article.story_or_id for pair in pairs}
    results = add_up(((pair.article.story_or_id, _counts(pair)) for pair in pairs), seed=seed)
    first, second = pairs[0].first.annotator, pairs[0].second.annotator
    return Agreement(first, second, len(pairs), len(stories), results, _kappas(pairs))


def _counts(pair: Pair) -> dict[str, Counts]:
    counts: dict[str, Counts] = {str(name): found for name, found in count_matches(pair.first, pair.second).items()}
    if pair.first.stances is not None and pair.second.stances is not None:
        counts[ARTICLE_STANCES] = count_article_stances(pair.first, pair.second)
    return counts


def _kappas(pairs: Iterable[Pair]) -> dict[str, Kappa]:
    """Of what both chose for the same words; where one of them chose twice, there is no choice to compare."""
    chosen: dict[str, Counter[tuple[str, str]]] = {}
    for pair in pairs:
        one, other = _choices(pair.first), _choices(pair.second)
        for key in one.keys() & other.keys():
            if len(one[key]) == len(other[key]) == 1:
                chosen.setdefault(key[0], Counter())[one[key][0], other[key][0]] += 1
    return {name: _kappa(chosen[name]) for name in sorted(chosen)}


def _choices(annotation: Annotation) -> dict[tuple[str, ...], list[str]]:
    """What was chosen, and for which words -> the labels."""
    found: dict[tuple[str, ...], list[str]] = {}
    for mention in annotation.mentions or ():
        found.setdefault(("label of mentions", f"{mention.start}-{mention.end}"), []).append(mention.label)
    for event in annotation.events or ():
        place = f"{event.start}-{event.end}"
        found.setdefault(("type of triggers", place), []).append(event.label)
        for name, value in event.attributes.items():
            found.setdefault((name, place, event.label), []).append(value)
    return found


def _kappa(choices: Counter[tuple[str, str]]) -> Kappa:
    """choices: (one's label, the other's) -> how often.

    Source: Cohen 1960, "A Coefficient of Agreement for Nominal Scales".
    """
    n = choices.total()
    agreed = sum(count for (one, other), count in choices.items() if one == other) / n
    rows: Counter[str] = Counter()
    columns: Counter[str] = Counter()
    for (one, other), count in choices.items():
        rows[one] += count
        columns[other] += count
    chance = sum(rows[label] * columns[label] for label in rows) / n**2
    return Kappa(None if chance == 1 else (agreed - chance) / (1 - chance), n)


def to_text(agreement: Agreement) -> str:
    """The agreement as a table of aligned columns."""
    first, second = agreement.first, agreement.second
    width = max(8, len(first) + 7, len(second) + 7)
    title = f"{first} and {second}: {n_of(agreement.n_articles, 'article')} of {n_of(agreement.n_stories, 'story', 'stories')}"
    alone = f"{f'only {first}':>{width}}{f'only {second}':>{width}}"
    lines = [title, "", f"{'score':<24}{'F':>7}  {f'{COVERAGE:.0%} interval':<16}{'both':>8}{alone}"]
    for name, result in agreement.results.items():
        counts = result.counts
        f1 = f"{counts.f1:>7.3f}" if counts.f1 == counts.f1 else f"{'-':>7}"
        lines.append(f"{name:<24}{f1}  {in_words(result):<16}{counts.tp:>8,}{counts.fn:>{width},}{counts.fp:>{width},}")
    lines += ["", f"{'chosen for same words':<24}{'kappa':>7}{'n':>26}"]
    for name, kappa in agreement.kappas.items():
        value = "-" if kappa.value is None else f"{kappa.value:.3f}"
        lines.append(f"{name:<24}{value:>7}{kappa.n:>26,}")
    return "\n".join(lines)


def write_differences(path: Path, pairs: Iterable[Pair], *, force: bool = False) -> int:
    """Writes a row for each mark that only one of the two has (CSV); returns how many. For them to talk about."""
    with whole_file(path, force=force) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["article", "only", "layer", "label", "words", "start", "context"])
        rows = list(_rows(pairs))
        table.writerows(rows)
    return len(rows)


def _rows(pairs: Iterable[Pair]) -> Iterator[tuple[str, str, str, str, str, int, str]]:
    for article, first, second in pairs:
        for noun, label, words, only_first, start in differences(article.text, first, second):
            who = first.annotator if only_first else second.annotator
            context = " ".join(article.text[max(0, start - 40) : start + 60].split())
            yield article.id, who, noun, label, words, start, context
