"""Ten times the text costs ten times as much: long articles, long sentences, many mentions, text without spaces."""

from collections.abc import Callable, Sequence
from pathlib import Path
from time import process_time

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup
from test_components import articles, train_small

from annotate.records import Article
from apply.predict import predict
from training.components.candidates import MAX_BESIDE, Batch, pairs_within_sentences
from training.components.reading import MAX_RUN_CHARS, PIECE_CHARS, BoundedTokenizer, bound_tokenizer
from training.components.spans import ranges_of
from training.pipeline import load_model

SHORT, LONG = 200, 2000  # words, or characters in tens
MORE = 1.5  # how much more a word may cost in a text ten times as long
SENTENCE = "Oslo accused the old town of Rome on the road and never praised Cairo for its long letter to them"
WORDS = SENTENCE.split()
TEXTS: dict[str, Callable[[int], str]] = {
    "sentences": lambda n: " ".join(WORDS[i % 20] + ("." if i % 20 == 19 else "") for i in range(n)),
    "one sentence": lambda n: " ".join(WORDS[i % 20] for i in range(n)),
}
RUNS = ["$", "'", '"', "(", "https://", "a'", "-", "x", "漢", "x.y/", "🕊"]


@pytest.fixture(scope="module")
def nlp(tmp_path_factory: pytest.TempPathFactory) -> Language:
    """All components, hardly trained: what they cost does not depend on what they know."""
    folder = tmp_path_factory.mktemp("small")
    train_small(folder, articles(), 2).to_disk(folder / "model")
    made = load_model(folder / "model")
    for name in ("arguments", "stance"):
        made.get_pipe(name).cfg["threshold"] = 0.95  # type: ignore[attr-defined]  # few pairs are right, in articles too
    return made


def excess(read: Callable[[Sequence[object]], object], short: Sequence[object], long: Sequence[object]) -> float:
    """CPU seconds of the long texts as a part of those of the short ones; the least of up to six tries, for a busy machine."""
    costs = {"short": float("inf"), "long": float("inf")}
    for _ in range(6):
        for name, texts in (("short", short), ("long", long)):
            before = process_time()
            read(texts)
            costs[name] = min(costs[name], process_time() - before)
        if costs["long"] <= MORE * costs["short"]:
            break
    return costs["long"] / costs["short"]


@pytest.mark.parametrize("kind", TEXTS)
def test_long_articles_cost_as_much_per_word(nlp: Language, kind: str) -> None:
    make = TEXTS[kind]
    assert excess(lambda texts: list(nlp.pipe(texts)), [make(SHORT)] * 10, [make(LONG)]) <= MORE


def marked(nlp: Language, n_words: int, every: int) -> Doc:
    """One sentence in which every so many words are a mention, and the ones between them a trigger."""
    doc = nlp.make_doc(TEXTS["one sentence"](n_words))
    mentions = [Span(doc, i, i + 1, label="GPE", span_id=f"m{i}") for i in range(0, n_words, every)]
    triggers = [Span(doc, i, i + 1, label="ACCUSE", span_id=f"e{i}") for i in range(every // 2, n_words, 2 * every)]
    doc.spans["mentions"] = SpanGroup(doc, name="mentions", spans=mentions)
    doc.spans["events"] = SpanGroup(doc, name="events", spans=triggers)
    return doc


def test_five_hundred_mentions_in_one_sentence_cost_as_much_per_word_as_fifty(nlp: Language) -> None:
    def read(sizes: Sequence[object]) -> None:
        with nlp.select_pipes(disable=["ner", "triggers"]):
            docs = list(nlp.pipe([marked(nlp, int(str(n)), 4) for n in sizes]))
        assert sum(len(doc.spans["mentions"]) for doc in docs) == 500

    assert excess(read, [SHORT] * 10, [LONG]) <= MORE


def test_a_span_is_paired_with_so_many_on_each_side() -> None:
    nlp = spacy.blank("en")
    batch = Batch([nlp.make_doc("Oslo " * 200)])
    spans = ranges_of([[batch.docs[0][i : i + 1] for i in range(200)]], batch.doc_start)
    first, second = pairs_within_sentences(batch, spans, spans, max_distance=60)
    assert sorted(second[first == 100]) == list(range(100 - MAX_BESIDE, 100 + MAX_BESIDE + 1))
    assert sorted(second[first == 0]) == list(range(MAX_BESIDE + 1))


@pytest.mark.parametrize("run", RUNS)
def test_text_without_spaces_costs_as_much_per_character(run: str) -> None:
    nlp = bound_tokenizer(spacy.blank("en"))

    def read(sizes: Sequence[object]) -> None:
        nlp.tokenizer._reset_cache([])  # what was cut once is remembered
        for n in sizes:
            nlp.make_doc(run * (int(str(n)) * 10 // len(run)))

    assert excess(read, [SHORT] * 10, [LONG]) <= MORE


@pytest.mark.parametrize("run", RUNS)
def test_text_without_spaces_is_kept_verbatim(run: str) -> None:
    text = f" She doesn't  know\n{run * MAX_RUN_CHARS} it.\t{run * MAX_RUN_CHARS}"
    doc = bound_tokenizer(spacy.blank("en"))(text)
    assert doc.text == text
    assert all(text[token.idx :].startswith(token.text) for token in doc)
    assert [token.norm_ for token in doc if token.text == "n't"] == ["not"]


def test_what_is_no_long_run_is_cut_as_spacy_does() -> None:
    text = f"He said (“don't”): {'x' * MAX_RUN_CHARS} and https://a.org/{'b' * 200}?c=d …"
    plain, bounded = spacy.blank("en"), bound_tokenizer(spacy.blank("en"))
    assert [t.text for t in bounded(text)] == [t.text for t in plain(text)]
    long = bounded("y" * (MAX_RUN_CHARS + 1))
    assert [len(t) for t in long] == [PIECE_CHARS] * 5 + [1]


def test_a_bounded_tokenizer_is_on_disk_what_it_was(tmp_path: Path) -> None:
    plain, bounded = spacy.blank("en"), bound_tokenizer(spacy.blank("en"))
    assert bounded.tokenizer.to_bytes() == plain.tokenizer.to_bytes()
    bounded.to_disk(tmp_path / "model")
    assert type(spacy.load(tmp_path / "model").tokenizer) is type(plain.tokenizer)
    assert type(load_model(tmp_path / "model").tokenizer) is BoundedTokenizer


def test_an_article_without_spaces_is_read(nlp: Language) -> None:
    text = "Oslo accused Rome. " + "$" * 2000 + " Cairo praised Kyiv."
    (read,) = predict(nlp, [Article(id="a", text=text, annotations=())])
    assert read.text == text
    assert read.annotations[0].events is not None
