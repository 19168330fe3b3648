"""What a model finds in articles, as plain records; an article it cannot take becomes a row with an error."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from annotate.errors import RecordError, one_line
from annotate.records import MODEL, Article, integrity_faults

from .cutoffs import Cutoffs, left_in

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

BATCH_SIZE = 64  # articles whose words are kept in memory together
MAX_BATCH_CHARS = 500_000
CHARS_AT_ONCE = 20_000  # through the networks; more costs time and memory and gains nothing


class Prediction(NamedTuple):
    """What came of one article.

    place: where the article was read. article: with the model's annotation; as it was read where it has an error, and
    None where it could not be read at all. sentences: their start and end in the text; none where the model has none.
    """

    place: str
    article: Article | None
    error: str | None = None
    sentences: tuple[tuple[int, int], ...] = ()
    n_words: int = 0


def predict(nlp: "Language", articles: Iterable[Article], *, batch_size: int = BATCH_SIZE) -> Iterator[Article]:
    """The articles with the model's annotation added, in their order; raises RecordError at one that it cannot take."""
    for found in predict_scanned(nlp, ((f"article '{a.id}'", a) for a in articles), batch_size=batch_size):
        if found.error is not None or found.article is None:
            finding, _, remedy = (found.error or "is no article").partition("; ")
            raise RecordError(found.place, finding, remedy)
        yield found.article


def predict_scanned(
    nlp: "Language",
    scanned: Iterable[tuple[str, Article | RecordError]],
    *,
    batch_size: int = BATCH_SIZE,
    cutoffs: Cutoffs | None = None,
) -> Iterator[Prediction]:
    """What came of each thing that `annotate.sources.scan_articles` gives, in its order; never stops at a bad one.

    cutoffs: what scores less is left out.
    Memory is bounded: what spaCy collects of a batch is given back behind it, so nothing here refers to a Doc.
    """
    annotator = annotator_name(nlp)
    for batch in _batches(scanned, nlp, batch_size):
        good = [found.article for found in batch if found.article is not None and found.error is None]
        n_at_once = max(1, CHARS_AT_ONCE * len(good) // (sum(len(article.text) for article in good) + 1))
        with nlp.memory_zone():
            docs = nlp.pipe((article.text for article in good), batch_size=n_at_once)
            done = iter([_to_plain(doc, article, annotator, cutoffs) for doc, article in zip(docs, good, strict=True)])
        for found in batch:
            yield found if found.error is not None else next(done)._replace(place=found.place)


def annotator_name(nlp: "Language") -> str:
    """Who the annotations of this model are by: `model:<name>@<version>`."""
    return f"{MODEL}{nlp.meta['lang']}_{nlp.meta['name']}@{nlp.meta['version']}"


def unfit(article: Article, nlp: "Language") -> str | None:
    """Why the model cannot take this article, and what to do about it; None where it can."""
    for fault in integrity_faults(article):
        return f"{fault.finding}; {fault.remedy}"
    if len(article.text) > nlp.max_length:
        return f"has {len(article.text):,} characters, the model takes {nlp.max_length:,}; cut it into parts"
    return None


def _batches(
    scanned: Iterable[tuple[str, Article | RecordError]], nlp: "Language", batch_size: int
) -> Iterator[list[Prediction]]:
    batch: list[Prediction] = []
    n_chars = 0
    for place, article in scanned:
        place = one_line(place)
        if isinstance(article, RecordError):
            batch.append(Prediction(place, None, f"{article.finding}; {article.remedy}"))
        else:
            batch.append(Prediction(place, article, unfit(article, nlp)))
            n_chars += len(article.text)
        if len(batch) >= batch_size or n_chars >= MAX_BATCH_CHARS:
            yield batch
            batch, n_chars = [], 0
    if batch:
        yield batch


def _to_plain(doc: "Doc", article: Article, annotator: str, cutoffs: Cutoffs | None) -> Prediction:
    from training.convert import from_doc

    has_sentences = doc.has_annotation("SENT_START")
    sentences = tuple((s.start_char, s.end_char) for s in doc.sents) if has_sentences else ()
    marked = from_doc(doc, article, annotator=annotator)
    if cutoffs is not None:  # the model's annotation is the last
        *others, own = marked.annotations
        marked = marked.model_copy(update={"annotations": (*others, left_in(own, cutoffs))})
    return Prediction("", marked, None, sentences, len(doc))
