"""The components learn, predict, save and load, also where there is nothing to find."""

import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pytest
import spacy
from conftest import event, mention
from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup
from spacy.training import Example
from spacy.training.initialize import init_nlp

from annotate.matching import Counts, count_matches
from annotate.records import Annotation, Article, Stance
from training import components
from training.components.arguments import Arguments
from training.components.candidates import Batch, pairs_within_sentences
from training.components.scoring import score_arguments, score_attributes, score_stances, score_triggers
from training.components.spans import ranges_of, spare_of
from training.components.tagger import find_spans
from training.convert import from_doc, to_doc, write_docs
from training.pipeline import CONFIGS, layers_in, load_model, make_config

PEOPLE = ["Tehran", "Paris", "Berlin", "Oslo", "Cairo", "Kyiv"]
VERBS = {"accused": ("ACCUSE", "AGAINST"), "praised": ("SUPPORT", "FAVOR"), "visited": ("CONSULT", None)}
SMALL = {
    "components.tok2vec.model.embed.rows": [200, 100, 100, 100],
    "components.tok2vec.model.embed.width": 32,
    "components.tok2vec.model.encode.width": 32,
    "components.tok2vec.model.encode.depth": 1,
    "training.optimizer.learn_rate": 0.002,
}


def articles() -> list[Article]:
    """A sentence for each actor, verb and modality, with every layer."""
    made = []
    for i, actor in enumerate(PEOPLE):
        for verb, (label, stance) in VERBS.items():
            other = PEOPLE[(i + 1) % len(PEOPLE)]
            for modality, word in (("ASSERTED", "yesterday"), ("NEGATED", "never")):
                text = f"{actor} {word} {verb} {other}. It rained."
                annotation = Annotation(
                    annotator="gold",
                    mentions=(mention("m1", actor, "GPE", text=text), mention("m2", other, "GPE", text=text)),
                    events=(event("e1", verb, label, text=text, modality=modality, ACTOR="m1", RECIPIENT="m2"),),
                    stances=(Stance(holder="m1", target="m2", label=stance),) if stance else (),
                )
                made.append(Article(id=f"{actor}-{verb}-{modality}", text=text, annotations=(annotation,)))
    return made


def train_small(folder: Path, made: Sequence[Article], n_steps: int, *, seed: int = 0) -> Language:
    """A pipeline of all components that the articles have layers for, after this many steps on all of them."""
    blank = spacy.blank("en")
    write_docs(folder / "train.spacy", [to_doc(a, a.annotations[0], blank)[0] for a in made], force=True)
    path = folder / "train.spacy"
    config = make_config(
        CONFIGS / "blank.cfg", train_path=path, dev_path=path, layers=layers_in(path), seed=seed, overrides=SMALL
    )
    nlp = init_nlp(config)
    optimizer = spacy.util.registry.resolve(nlp.config.interpolate()["training"])["optimizer"]
    examples = examples_of(nlp, made)
    for step in range(n_steps):
        batch = [Example(nlp.make_doc(eg.reference.text), eg.reference) for eg in examples[step % 3 :: 3]]
        nlp.update(batch, sgd=optimizer, drop=0.1, annotates=["sentencizer"])
    return nlp


def examples_of(nlp: Language, made: Sequence[Article]) -> list[Example]:
    return [Example(nlp.make_doc(a.text), to_doc(a, a.annotations[0], nlp)[0]) for a in made]


@pytest.fixture(scope="module")
def nlp(tmp_path_factory: pytest.TempPathFactory) -> Language:
    return train_small(tmp_path_factory.mktemp("small"), articles(), 60)


@pytest.fixture(scope="module")
def saved(nlp: Language, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model"
    nlp.to_disk(path)
    return path


def plain(doc: Doc) -> object:
    """All that the components put on a doc."""
    return {key: ([(s.start, s.end, s.label_, s.id_) for s in group], group.attrs) for key, group in doc.spans.items()}


def test_every_layer_is_learnt(nlp: Language) -> None:
    scores = nlp.evaluate(examples_of(nlp, articles()))
    for name in ("ents_f", "triggers_f", "attributes_f", "arguments_attached_f", "stances_f"):
        assert scores[name] > 0.9, name


def test_results_carry_ids_and_scores(nlp: Language) -> None:
    doc = nlp("Oslo yesterday accused Cairo.")
    (argument, *_) = doc.spans["events"].attrs["arguments"]
    assert argument["event"] == "e1"
    assert argument["mention"] in {s.id_ for s in doc.spans["mentions"]}
    assert 0.5 <= argument["score"] <= 1.0
    assert doc.spans["events"].attrs["scores"]["e1"] > 0.5


def test_a_saved_model_predicts_the_same(nlp: Language, saved: Path) -> None:
    text = articles()[0].text
    assert plain(load_model(saved)(text)) == plain(nlp(text))


def test_a_saved_model_loads_with_the_components_alone(saved: Path, tmp_path: Path) -> None:
    shutil.copytree(Path(components.__file__).parent, tmp_path / "parts")
    code = (
        "import sys, parts, spacy\n"
        f"doc = spacy.load({str(saved)!r})('Oslo yesterday accused Cairo.')\n"
        "assert len(doc.spans['events']) == 1\n"
        "assert not {'training', 'annotate', 'copydesk'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


def test_two_copies_of_the_components_live_together(saved: Path, tmp_path: Path) -> None:
    shutil.copytree(Path(components.__file__).parent, tmp_path / "parts")
    code = f"import parts, training.components, spacy\nspacy.load({str(saved)!r})('Oslo accused Cairo.')\n"
    env = {"PYTHONPATH": str(Path(components.__file__).parents[2])}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, check=True)


def test_pickled_pipeline_predicts_the_same(saved: Path) -> None:
    nlp, text = load_model(saved), articles()[0].text
    assert plain(pickle.loads(pickle.dumps(nlp))(text)) == plain(nlp(text))


def test_two_processes_predict_the_same(saved: Path) -> None:
    nlp = load_model(saved)
    texts = [a.text for a in articles()[:6]]
    alone = list(nlp.pipe(texts))
    together = list(nlp.pipe(texts, n_process=2, batch_size=3))
    assert [plain(d) for d in together] == [plain(d) for d in alone]


@pytest.mark.parametrize("text", ["", " ", "\n\n \t", "rain", "🕊", "It rained. It rained."])
def test_texts_with_nothing_in_them(nlp: Language, text: str) -> None:
    doc = nlp(text)
    assert doc.text == text
    assert set(doc.spans) == {"mentions", "events", "stances"}
    assert all(not s.text.isspace() for s in doc.spans["events"])


def test_an_empty_text_among_others(nlp: Language) -> None:
    docs = list(nlp.pipe(["", "Oslo yesterday accused Cairo.", ""]))
    assert [len(d.spans["events"]) for d in docs] == [0, 1, 0]


def test_given_spans_are_kept(nlp: Language) -> None:
    doc = nlp.make_doc("Oslo yesterday accused Cairo.")
    doc.spans["mentions"] = [Span(doc, 0, 1, label="GPE", span_id="x"), Span(doc, 3, 4, label="GPE", span_id="y")]
    doc.spans["events"] = SpanGroup(doc, name="events", spans=[Span(doc, 2, 3, label="ACCUSE", span_id="z")])
    with nlp.select_pipes(disable=["ner", "triggers"]):
        doc = nlp(doc)
    arguments = {(a["event"], a["mention"], a["role"]) for a in doc.spans["events"].attrs["arguments"]}
    assert arguments == {("z", "x", "ACTOR"), ("z", "y", "RECIPIENT")}
    assert [(s["holder"], s["target"], s["label"]) for s in doc.spans["stances"].attrs["stances"]] == [("x", "y", "AGAINST")]


def test_predicted_ids_keep_clear_of_given_ones(nlp: Language) -> None:
    doc = nlp.make_doc("Oslo yesterday accused Cairo.")
    doc.spans["mentions"] = [Span(doc, 0, 1, label="GPE", span_id="e1")]
    with nlp.select_pipes(disable=["ner"]):
        doc = nlp(doc)
    assert [s.id_ for s in doc.spans["events"]] == ["e2"]


def test_five_hundred_mentions_cost_little(nlp: Language) -> None:
    doc = nlp.make_doc("Oslo accused " * 500)
    doc.spans["mentions"] = [Span(doc, 2 * i, 2 * i + 1, label="GPE", span_id=f"m{i}") for i in range(500)]
    spans = [Span(doc, 2 * i + 1, 2 * i + 2, label="ACCUSE", span_id=f"e{i}") for i in range(500)]
    doc.spans["events"] = SpanGroup(doc, name="events", spans=spans)
    before = process_time()
    with nlp.select_pipes(disable=["ner", "triggers"]):
        doc = nlp(doc)
    assert process_time() - before < 20
    assert all(abs(int(a["event"][1:]) - int(a["mention"][1:])) <= 31 for a in doc.spans["events"].attrs["arguments"])


def test_pairs_are_those_of_one_sentence() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    docs = [nlp("Ann met Bob. Cy saw Di."), nlp("Ed ran.")]
    batch = Batch(docs)
    spans = ranges_of([[d[i : i + 1] for i in range(len(d)) if d[i].is_alpha] for d in docs], batch.doc_start)
    a, b = pairs_within_sentences(batch, spans, spans, max_distance=60)
    words = [t.text for d in docs for t in d]
    pairs = {words[spans.start[i]] + words[spans.start[j]] for i, j in zip(a, b, strict=True)}
    assert pairs == {
        x + y for group in (("Ann", "met", "Bob"), ("Cy", "saw", "Di"), ("Ed", "ran")) for x in group for y in group
    }


TAGS = ["O", "B-x", "I-x", "B-y", "I-y"]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("O O", []),
        ("B-x I-x O", [(0, 2, 0)]),
        ("I-y O B-x", [(2, 3, 0)]),
        ("B-x I-x I-x O B-y I-y", [(0, 3, 0), (4, 6, 1)]),
        ("B-x B-x", [(0, 1, 0), (1, 2, 0)]),
        ("O B-y", [(1, 2, 1)]),
        ("B-x I-y I-y", [(0, 3, 1)]),
        ("_ B-x", [(1, 2, 0)]),
        ("B-x _ I-x _", [(0, 3, 0)]),
        ("B-x _ B-x", [(0, 1, 0), (2, 3, 0)]),
    ],
)
def test_tags_become_spans(tags: str, expected: list[tuple[int, int, int]]) -> None:
    names = tags.split()
    rows = np.full((len(names), 5), 0.02, dtype="f")
    for row, name in zip(rows, names, strict=True):
        row[TAGS.index("B-x" if name == "_" else name)] = 0.92
    is_space = np.asarray([name == "_" for name in names])
    assert [found[:3] for found in find_spans(rows, is_space, 0.5)] == expected


def test_of_ranges_that_overlap_the_most_probable_is_found() -> None:
    rows = np.asarray([[0.5, 0.5, 0.0], [0.1, 0.5, 0.4], [0.2, 0.0, 0.8], [1.0, 0.0, 0.0]], dtype="f")  # O, B, I
    found = find_spans(rows, np.zeros(4, dtype=bool), 0.09)  # going on: .4 / .5 = .8, then .8 / .9
    assert [(f.start, f.end) for f in found] == [(0, 1), (1, 3)]  # less probable than 1 to 3: 0 to 3
    assert [f.score for f in found] == pytest.approx([0.5 * 0.2, 0.5 * 0.8 / 0.9])
    assert [f[:2] for f in find_spans(rows, np.zeros(4, dtype=bool), 0.35)] == [(1, 3)]


def test_the_threshold_is_for_range_and_label_together() -> None:
    rows = np.asarray([[0.1, 0.5, 0.0, 0.4, 0.0], [1.0, 0.0, 0.0, 0.0, 0.0]], dtype="f")  # O, B-x, I-x, B-y, I-y
    is_space = np.zeros(2, dtype=bool)
    assert [(f.label, f.score) for f in find_spans(rows, is_space, 0.45)] == [(0, pytest.approx(0.9 * 5 / 9))]
    assert find_spans(rows, is_space, 0.55) == []


def test_a_batch_without_candidates_still_trains_the_shared_layer(tmp_path: Path) -> None:
    nlp = train_small(tmp_path, articles(), 1)
    bare = [a.model_copy(update={"annotations": (a.annotations[0].model_copy(update={"stances": None}),)}) for a in articles()]
    shared = nlp.get_pipe("tok2vec").model.layers[0]  # type: ignore[attr-defined]
    optimizer = spacy.util.registry.resolve(nlp.config.interpolate()["training"])["optimizer"]
    before = shared.to_bytes()
    for _ in range(2):  # the shared layer steps with the gradient of the batch before
        nlp.update(examples_of(nlp, bare)[:4], sgd=optimizer, exclude=["ner", "attributes", "arguments"])
    assert shared.to_bytes() != before


def test_absent_layers_cost_no_loss(tmp_path: Path) -> None:
    nlp = train_small(tmp_path, articles(), 1)
    bare = [Article(id="a", text="Oslo accused Cairo.", annotations=(Annotation(annotator="gold"),))]
    losses = nlp.update(examples_of(nlp, bare))
    assert all(losses[name] == 0 for name in ("triggers", "attributes", "arguments", "stance"))
    scores = nlp.evaluate(examples_of(nlp, bare))
    assert all(scores[name] is None for name in ("triggers_f", "attributes_f", "arguments_f", "stances_f"))


def test_empty_layers_cost_loss(tmp_path: Path) -> None:
    nlp = train_small(tmp_path, articles(), 1)
    annotation = Annotation(annotator="gold", mentions=(), events=(), stances=())
    empty = [Article(id="a", text="Oslo accused Cairo.", annotations=(annotation,))]
    losses = nlp.update(examples_of(nlp, empty))
    assert losses["triggers"] > 0


def test_one_label_of_each_kind(tmp_path: Path) -> None:
    nlp = train_small(tmp_path, [a for a in articles() if "accused" in a.text and "yesterday" in a.text], 40)
    doc = nlp("Oslo yesterday accused Cairo.")
    assert [s.label_ for s in doc.spans["events"]] == ["ACCUSE"]
    assert {a["value"] for a in doc.spans["events"].attrs["attributes"]} == {"ASSERTED"}


@pytest.mark.parametrize("name", ["triggers", "attributes", "arguments", "stance"])
def test_nothing_to_learn_is_refused(name: str) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec")
    nlp.add_pipe(f"copydesk_{name}")
    example = Example(nlp.make_doc("a b"), nlp.make_doc("a b"))
    with pytest.raises(ValueError, match="in the training data"):
        nlp.initialize(lambda: [example])


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path[:0] = [sys.argv[2], sys.argv[3]]\n"
        "from pathlib import Path\n"
        "from hashlib import sha256\n"
        "from test_components import articles, train_small\n"
        "nlp = train_small(Path(sys.argv[1]), articles(), 4)\n"
        "print(sha256(b''.join(pipe.model.to_bytes() for _, pipe in nlp.pipeline if hasattr(pipe, 'model'))).hexdigest())\n"
    )
    here = Path(__file__).parent
    digests = set()
    for hash_seed in ("1", "2"):
        arguments = [sys.executable, "-c", code, str(tmp_path), str(here), str(here.parent)]
        env = {"PYTHONHASHSEED": hash_seed, "OMP_NUM_THREADS": "1"}
        digests.add(subprocess.run(arguments, env=env, check=True, capture_output=True, text=True).stdout)
    assert len(digests) == 1


def test_scorers_count_as_the_matcher_does(tmp_path: Path) -> None:
    made = articles()
    nlp = train_small(tmp_path, made, 12)  # half learnt: hits and misses of each kind
    examples = [Example(nlp(a.text), to_doc(a, a.annotations[0], nlp)[0]) for a in made]
    scores = {}
    for score in (score_triggers, score_arguments, score_attributes, score_stances):
        scores |= score(examples)
    counts: dict[str, Counts] = {}
    for eg, article in zip(examples, made, strict=True):
        found = from_doc(eg.predicted, article, annotator="model:x@0").annotations[-1]
        for name, own in count_matches(article.annotations[0], found).items():
            counts[name] = counts.get(name, Counts()) + own
    for name in ("triggers_id", "triggers", "arguments_id", "arguments", "arguments_attached", "attributes", "stances"):
        ours = counts[name]
        expected = (ours.precision, ours.recall, ours.f1) if ours.tp + ours.fp + ours.fn else (0.0, 0.0, 0.0)
        assert (scores[f"{name}_p"], scores[f"{name}_r"], scores[f"{name}_f"]) == pytest.approx(expected), name


def test_an_event_that_joins_holder_and_target_is_seen(nlp: Language) -> None:
    doc = nlp.make_doc("Oslo accused Cairo.")
    doc.spans["mentions"] = [Span(doc, 0, 1, label="GPE", span_id="m1"), Span(doc, 2, 3, label="GPE", span_id="m2")]
    doc.spans["events"] = [Span(doc, 1, 2, label="ACCUSE", span_id="e1")]
    roles = [{"event": "e1", "mention": "m1", "role": "ACTOR"}, {"event": "e1", "mention": "m2", "role": "RECIPIENT"}]
    doc.spans["events"].attrs = {"arguments": roles}
    stance = nlp.get_pipe("stance")
    firsts, seconds = stance.spans_in(doc)
    joined = stance._events_between([doc], [firsts], [seconds])
    assert {key: nlp.vocab.strings[value] for key, value in joined.items()} == {
        (0, 0, 0): "ACCUSE ACTOR ACTOR",
        (0, 0, 1): "ACCUSE ACTOR RECIPIENT",
        (0, 1, 0): "ACCUSE RECIPIENT ACTOR",
        (0, 1, 1): "ACCUSE RECIPIENT RECIPIENT",
        (0, 0, 2): "ACCUSE ACTOR ",
        (0, 1, 2): "ACCUSE RECIPIENT ",
    }


def test_roles_that_never_occurred_between_two_labels_are_not_given(nlp: Language) -> None:
    doc = nlp.make_doc("Oslo yesterday accused Cairo.")
    doc.spans["mentions"] = [Span(doc, 0, 1, label="DATE", span_id="x"), Span(doc, 3, 4, label="GPE", span_id="y")]
    doc.spans["events"] = SpanGroup(doc, name="events", spans=[Span(doc, 2, 3, label="ACCUSE", span_id="z")])
    pipe = nlp.get_pipe("arguments")
    assert isinstance(pipe, Arguments)
    assert len(pipe.predict([doc]).candidates) == 1


@pytest.fixture
def unsure(nlp: Language) -> Iterator[Language]:
    """The pipeline, with entities that are hardly ever believed alone."""
    ner, arguments = (nlp.get_pipe(name) for name in ("ner", "arguments"))
    before = ner.cfg["threshold"], arguments.cfg["joint_threshold"]  # type: ignore[attr-defined]
    ner.cfg["threshold"] = 1.1  # type: ignore[attr-defined]
    yield nlp
    ner.cfg["threshold"], arguments.cfg["joint_threshold"] = before  # type: ignore[attr-defined]


def test_a_range_that_alone_is_no_mention_can_be_an_argument(unsure: Language) -> None:
    doc = unsure("Tehran yesterday accused Paris. Oslo is near.")
    of_arguments = {argument["mention"] for argument in doc.spans["events"].attrs["arguments"]}
    assert {span.text for span in doc.spans["mentions"]} == {"Tehran", "Paris"} == {entity.text for entity in doc.ents}
    assert {span.id_ for span in doc.spans["mentions"]} == of_arguments == set(doc.spans["mentions"].attrs["scores"])
    assert {"Tehran", "Paris"} <= {span.text for span in spare_of(doc)}


def test_what_is_no_argument_any_more_is_no_mention(unsure: Language) -> None:
    pipe: Any = unsure.get_pipe("arguments")
    doc = unsure("Tehran yesterday accused Paris.")
    found = pipe.predict([doc])
    before = [(span.start, span.label_, span.id_) for span in doc.spans["mentions"]]
    for threshold, expected in ((1.1, []), (0.15, before)):
        pipe.cfg["joint_threshold"] = threshold
        pipe.set_annotations([doc], found)
        assert [(span.start, span.label_, span.id_) for span in doc.spans["mentions"]] == expected
        assert [entity.start for entity in doc.ents] == [start for start, _, _ in expected]


def test_arguments_learn_from_what_is_mistaken_for_a_mention(nlp: Language) -> None:
    example = examples_of(nlp, articles()[:1])[0]
    wrong = Span(example.predicted, 1, 2, label="GPE", span_id="m1")
    example.predicted.spans["mentions"] = SpanGroup(example.predicted, name="mentions", spans=[wrong])
    pipe: Any = nlp.get_pipe("arguments")
    _, mentions = pipe.gold_in(example)
    assert [span.text for span in mentions] == ["Tehran", "Paris", "yesterday"]
    assert len({span.id_ for span in mentions}) == 3
