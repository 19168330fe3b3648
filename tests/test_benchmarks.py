"""Public sets in their sources' formats become records, a benchmark run gives its scores and costs, and the page shows them."""

import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import spacy
from conftest import gold_annotation, gold_article, mention
from test_train import SMALL

from annotate.records import Annotation, Article, Mention, Stance, read_records, write_records
from benchmarks.accuracy import BY_SENTENCE, SETTINGS, given_triggers, make_given_mentions, measure, read_set
from benchmarks.convert import article_digest, casie, conllpp, crossner_politics, dse, m2e2
from benchmarks.honesty import forecasts
from benchmarks.page import SETS, WORDS, accuracy_tables, interval_of_mean, readme_lines, write_page, write_readme
from benchmarks.starter import keep
from benchmarks.starter_page import starter_tables
from training.convert import convert_records
from training.curve import Rows

BENCH = os.environ.get("COPYDESK_BENCH")
needs_data = pytest.mark.skipif(BENCH is None, reason="COPYDESK_BENCH names no folder of public data")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def marks(article: Article) -> list[tuple[str, str]]:
    return [(article.text[m.start : m.end], m.label) for m in article.annotations[0].mentions or ()]


# -- sources -----------------------------------------------------------------------------------------------------------

COLUMNS = """-DOCSTART- -X- -X- O

Kofi NNP B-NP B-PER
Annan NNP I-NP I-PER
met VBD B-VP O
Oslo NNP B-NP B-LOC
Bergen NNP I-NP B-LOC

-DOCSTART- -X- -X- O

UN NNP B-NP I-ORG
Paris NNP B-NP I-LOC
"""


def conllpp_sources(folder: Path, columns: str) -> Path:
    for split in ("train", "dev", "test"):
        write(folder / f"conllpp/data/conllpp_{split}.txt", columns)
    return folder


def test_conllpp_mentions_begin_at_b_and_where_the_label_changes(tmp_path: Path) -> None:
    splits = conllpp(conllpp_sources(tmp_path, COLUMNS))
    first, second = splits["test"]
    assert (first.id, first.text) == ("conllpp-test-0", "Kofi Annan met Oslo Bergen")
    assert marks(first) == [("Kofi Annan", "PER"), ("Oslo", "LOC"), ("Bergen", "LOC")]
    assert (second.id, marks(second)) == ("conllpp-test-1", [("UN", "ORG"), ("Paris", "LOC")])
    assert first.annotations[0].events is None


def test_crossner_rows_have_two_columns(tmp_path: Path) -> None:
    for split in ("train", "dev", "test"):
        write(
            tmp_path / f"crossner/ner_data/politics/{split}.txt", "The\tO\nLabour\tB-politicalparty\nParty\tI-politicalparty\n"
        )
    (only,) = crossner_politics(tmp_path)["train"]
    assert (only.id, marks(only)) == ("crossner_politics-train-0", [("Labour Party", "politicalparty")])


def m2e2_sentence(sentence_id: str) -> dict[str, Any]:
    """Two entities, one of them with an empty range; two arguments, one of them not among the entities."""
    return {
        "sentence_id": sentence_id,
        "words": ["Police", "arrested", "two", "men", "in", "Minsk", "."],
        "stanford-colcc": ["nsubj/dep=0/gov=1"],
        "golden-entity-mentions": [
            {"start": 0, "end": 1, "entity-type": "ORG:Government", "text": "Police"},
            {"start": 4, "end": 4, "entity-type": "GPE", "text": ""},
        ],
        "golden-event-mentions": [
            {
                "event_type": "Justice:Arrest-Jail",
                "trigger": {"start": 1, "end": 2, "text": "arrested"},
                "arguments": [
                    {"role": "Agent", "start": 0, "end": 1, "entity-type": "PER", "text": "Police"},
                    {"role": "Person", "start": 2, "end": 4, "text": "two men"},
                ],
            }
        ],
    }


def m2e2_sources(folder: Path, sentences: Iterable[dict[str, Any]]) -> Path:
    write(folder / "m2e2/text_only_event.json", json.dumps(list(sentences)))
    return folder


def test_m2e2_arguments_take_the_mention_in_their_place(tmp_path: Path) -> None:
    split = tmp_path / "split.json"
    write(split, json.dumps({"train": [], "dev": [article_digest("VOA_1")], "test": []}))
    splits = m2e2(m2e2_sources(tmp_path, map(m2e2_sentence, ("VOA_1_0", "VOA_2_0"))), split=split)
    assert {part: [a.id for a in articles] for part, articles in splits.items()} == {
        "train": [],
        "dev": ["VOA_1_0"],
        "test": [],
    }
    (article,) = splits["dev"]
    assert (article.story, marks(article)) == ("VOA_1", [("Police", "ORG"), ("two men", "ENTITY")])
    (event,) = article.annotations[0].events or ()
    assert (article.text[event.start : event.end], event.label) == ("arrested", "Justice:Arrest-Jail")
    assert [(a.role, a.mention) for a in event.arguments] == [("Agent", "m1"), ("Person", "m2")]


def test_dse_rows_have_a_direction(tmp_path: Path) -> None:
    rows = {
        "train": "[Ann] praised [Bob].\ta\tb\t1\n",
        "valid": "[Ann] praised [Bob].\ta\tb\t1\n",
        "test": "[Ann] hit [Bo]b.\ta\tb\t4\n",
    }
    for name, row in rows.items():
        write(tmp_path / f"dse/dataset/{name}.txt", row)
    splits = dse(tmp_path)
    assert splits["dev"] == []  # seen in train
    (train,), (test,) = splits["train"], splits["test"]
    assert train.annotations[0].stances == (Stance(holder="m1", target="m2", label="FAVOR"),)
    assert test.annotations[0].stances == (Stance(holder="m2", target="m1", label="AGAINST"),)
    assert marks(test) == [("Ann", "ENTITY"), ("Bob", "ENTITY")]  # grown to the whole word


def test_casie_spans_move_to_their_text(tmp_path: Path) -> None:
    text = "Hackers breached Acme. Acme said so."
    nugget = {"startOffset": 8, "endOffset": 16, "text": "breached"}
    victim = {"startOffset": 18, "endOffset": 22, "text": "Acme", "type": "Organization", "role": {"type": "Victim"}}
    event = {"nugget": nugget, "subtype": "Databreach", "realis": "General", "argument": [victim]}
    annotation = {"content": text, "cyberevent": {"hopper": [{"events": [event]}]}}
    write(tmp_path / "casie/data/annotation/7.json", json.dumps(annotation))
    for split in ("train", "dev", "test"):
        write(tmp_path / f"textee_splits/data/preprocessing/casie/split1/{split}.txt", "7.txt\n" if split == "test" else "")
    (article,) = casie(tmp_path)["test"]
    assert article.annotations[0].mentions == (Mention(id="m1", start=17, end=21, label="Organization"),)
    (made,) = article.annotations[0].events or ()
    assert (made.label, made.attributes, made.arguments[0].role) == ("Databreach", {"realis": "Generic"}, "Victim")


def to_columns(articles: Iterable[Article]) -> str:
    """The rows of a columns file that the articles were made from."""
    lines = ["-DOCSTART- -X- -X- O", ""]
    for article in articles:
        begins = {m.start: m for m in article.annotations[0].mentions or ()}
        at, inside = 0, None
        for word in article.text.split(" "):
            inside = begins.get(at, inside if inside is not None and at < inside.end else None)
            tag = "O" if inside is None else f"{'B' if at in begins else 'I'}-{inside.label}"
            lines.append(f"{word} X X {tag}")
            at += len(word) + 1
        lines.append("")
    return "\n".join(lines)


@needs_data
def test_columns_give_back_every_sentence_of_conllpp(tmp_path: Path) -> None:
    there = list(read_records(Path(BENCH or "") / "conllpp/test.jsonl"))
    assert conllpp(conllpp_sources(tmp_path, to_columns(there)))["test"] == there


def to_m2e2(article: Article) -> dict[str, Any]:
    """The source's sentence that the article was made from."""
    starts, at = {}, 0
    words = article.text.split(" ")
    for number, word in enumerate(words):
        starts[at] = number
        at += len(word) + 1
    ends = {start + len(words[number]): number + 1 for start, number in starts.items()}
    annotation = article.annotations[0]
    of = {m.id: {"start": starts[m.start], "end": ends[m.end], "entity-type": m.label} for m in annotation.mentions or ()}
    events = [
        {
            "event_type": e.label,
            "trigger": {"start": starts[e.start], "end": ends[e.end]},
            "arguments": [{"role": a.role, **of[a.mention]} for a in e.arguments],
        }
        for e in annotation.events or ()
    ]
    ours = {"sentence_id": article.id, "words": words}
    return {**ours, "golden-entity-mentions": list(of.values()), "golden-event-mentions": events}


@needs_data
def test_m2e2_splits_give_back_every_sentence(tmp_path: Path) -> None:
    there = {part: list(read_records(Path(BENCH or "") / f"m2e2/{part}.jsonl")) for part in ("train", "dev", "test")}
    assert m2e2(m2e2_sources(tmp_path, (to_m2e2(a) for articles in there.values() for a in articles))) == there


# -- runs --------------------------------------------------------------------------------------------------------------

LOVES, HATES = "Ann loves Bob.", "Ann hates Bob."


def stance_articles() -> list[Article]:
    """Sentences with two entities; the verb says all."""
    made = []
    for number in range(40):
        text, label = ((LOVES, "FAVOR"), (HATES, "AGAINST"))[number % 2]
        both = (mention("m1", "Ann", "ENTITY", text=text), mention("m2", "Bob", "ENTITY", text=text))
        gold = Annotation(annotator="gold", mentions=both, stances=(Stance(holder="m1", target="m2", label=label),))
        made.append(Article(id=f"s{number}", text=text, annotations=(gold,)))
    return made


def public_set(folder: Path, name: str, articles: list[Article]) -> Path:
    for part in ("train", "dev", "test"):
        write_records(folder / name / f"{part}.jsonl", articles)
    return folder


def test_stances_are_learnt_and_scored_given_the_mentions(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = public_set(tmp_path, "dse", stance_articles())
    steps = {**SMALL, "training.max_steps": 60, "training.eval_frequency": 20, "training.optimizer.learn_rate.warmup_steps": 5}
    result = measure(data, "dse", base=None, seed=0, settings=steps, n_words=300)
    assert "['tok2vec', 'sentencizer', 'stance']" in capfd.readouterr().err
    assert result["test"].keys() == {"given stances"}
    assert result["dev"]["given stances"]["f"] == 1.0  # the best step was told by dev, which an empty prediction cannot do
    assert result["test"]["given stances"]["n_gold"] == 40
    assert result["dev"]["given stances"]["ci"] is None
    assert result["test"]["given stances"]["ci"] == [1.0, 1.0]


def test_a_run_of_all_layers_has_every_score_and_cost(tmp_path: Path) -> None:
    data = public_set(tmp_path, "casie", [gold_article(f"a{n}", story=f"s{n}") for n in range(12)])
    result = measure(data, "casie", base=None, seed=1, parts=("test",), settings=SMALL, n_words=300)
    assert set(WORDS) - {"given stances"} <= result["test"].keys()
    assert result.keys() == {"seed", "training_cpu_seconds", "peak_memory_mb", "model_mb", "test", "words_per_cpu_second"}
    assert result["seed"] == 1
    assert 50 < result["peak_memory_mb"] < 20_000
    assert 0 < result["model_mb"] < 50
    assert result["words_per_cpu_second"] > 100


def test_mentions_only_leave_only_the_entity_component(tmp_path: Path) -> None:
    only = gold_annotation().model_copy(update={"events": None, "stances": None})
    articles = [gold_article(f"a{n}", story=f"s{n}").model_copy(update={"annotations": (only,)}) for n in range(12)]
    data = public_set(tmp_path, "conllpp", articles)
    result = measure(data, "conllpp", base=None, seed=0, parts=("dev",), settings=SMALL, n_words=300)
    assert result["dev"].keys() == {"mentions"}


def test_given_triggers_stand_at_their_gold_offsets() -> None:
    article = gold_article("a")
    half = (article.annotations[0].events or ())[1].model_copy(update={"end": 67})  # "talk": inside a token
    gold = article.annotations[0].model_copy(update={"events": (half,)})
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer", name="triggers")  # anything that `given_triggers` can put aside
    (pair,) = given_triggers(nlp, [article.model_copy(update={"annotations": (gold,)})])
    assert [(e.start, e.end, e.label, e.arguments) for e in pair.found.events or ()] == [(half.start, 67, "CONSULT", ())]


def test_given_mentions_are_all_that_is_given(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    convert_records(stance_articles(), nlp, tmp_path / "dev.spacy")
    eg = next(make_given_mentions(tmp_path / "dev.spacy")(nlp))
    assert [span.text for span in eg.predicted.spans["mentions"]] == ["Ann", "Bob"]
    assert "stances" not in eg.predicted.spans
    assert len(eg.reference.spans["stances"]) == 1


def test_a_split_by_sentence_deals_the_same_sentences_anew(tmp_path: Path) -> None:
    sizes = {"train": 30, "dev": 8, "test": 12}
    names = iter(range(50))
    for part, size in sizes.items():
        made = [gold_article(f"{next(names):02}", story=f"{part} story") for _ in range(size)]
        write_records(tmp_path / "m2e2" / f"{part}.jsonl", made)
    by_article, by_sentence = read_set(tmp_path, "m2e2"), read_set(tmp_path, "m2e2_by_sentence")
    assert by_sentence == read_set(tmp_path, "m2e2_by_sentence")  # always the same
    assert {part: len(own) for part, own in by_sentence.items()} == sizes
    assert sorted(a.id for own in by_sentence.values() for a in own) == [f"{n:02}" for n in range(50)]
    assert [{a.story for a in own} for own in by_article.values()] == [{f"{part} story"} for part in sizes]
    assert all(len({a.story for a in own}) == 3 for own in by_sentence.values())


@needs_data
@pytest.mark.parametrize("name", SETS)
def test_every_set_can_be_learnt_and_scored(name: str, tmp_path: Path) -> None:
    folder = name.removesuffix(BY_SENTENCE)
    for part in ("train", "dev", "test"):
        articles = list(read_records(Path(BENCH or "") / folder / f"{part}.jsonl"))
        with_events = [a for a in articles if a.annotations[0].events or a.annotations[0].stances] or articles
        write_records(tmp_path / folder / f"{part}.jsonl", with_events[:12])
    result = measure(tmp_path, name, base=None, seed=0, parts=("dev",), settings=SMALL, n_words=300)
    assert {"dse": "given stances"}.get(name, "mentions") in result["dev"]
    if folder in ("casie", "m2e2", "wikievents"):
        assert result["dev"]["given triggers arguments"]["n_gold"] > 0


# -- the page ----------------------------------------------------------------------------------------------------------


def run_of(seed: int, f: float, **more: Any) -> dict[str, Any]:
    """One run's result with one score."""
    score = {"p": f, "r": f, "f": f, "n_gold": 9, "ci": [f - 0.03, f + 0.04]}
    costs = {"training_cpu_seconds": 100 + seed, "words_per_cpu_second": 9000, "peak_memory_mb": 500 + seed, "model_mb": 7.25}
    return {"commit": "abc1234", "seed": seed, **costs, "test": {"triggers": score, **more}}


RESULTS = {f"casie/md/{seed}": run_of(seed, f) for seed, f in enumerate((0.60, 0.62, 0.64))}


def test_three_seeds_become_one_row_beside_the_published_figure() -> None:
    lines = accuracy_tables(RESULTS)
    assert lines[0] == "### Triggers"
    # distances .03 and .04 of the runs' intervals; over the seeds 4.303 x .02 / root of 3 = .0497
    assert "| CASIE | md | of the right type | 0.620 | 0.562 to 0.684 | 0.600 to 0.640 | 0.708 | 0.88 |" in lines
    assert "| CASIE | md | 101 | 502 | 7.2 | 9,000 | 0, 1, 2 | abc1234 |" in lines
    assert not any(line.startswith("### Arguments") for line in lines)


def test_a_score_without_gold_or_published_figure_is_not_made_up() -> None:
    nothing = {"p": 0.0, "r": 0.0, "f": 0.0, "n_gold": 0, "ci": None}
    lines = accuracy_tables({"wikievents/blank/0": run_of(0, 0.5, attributes=nothing)})
    assert "| WikiEvents | blank | of the right type | 0.500 | 0.470 to 0.540 | one | - | - |" in lines
    assert not any(line.startswith("### Attributes") for line in lines)


def test_the_interval_of_the_mean_holds_that_of_its_articles() -> None:
    same = [run_of(seed, 0.6)["test"]["triggers"] for seed in range(3)]
    low, high = interval_of_mean(same) or (math.nan, math.nan)
    assert (round(low, 6), round(high, 6)) == (0.57, 0.64)
    assert interval_of_mean([{"f": 0.6, "ci": None}]) is None


def starter() -> dict[str, Any]:
    """What `benchmarks.starter.score` gives, with two scores and two outlets."""
    row = {"mean": 0.5, "ci": [0.4, 0.6], "runs": [0.45, 0.5, 0.55, 0.5, 0.5]}
    scores = {"mentions": row, "given stances": row}
    gain = {"gain": 0.02, "ci": [-0.01, 0.05]}
    outlet = {"n_articles": 7, "mentions": {"read": 0.71, "unread": 0.66}, "arguments_attached": {"read": 0.3, "unread": 0.25}}
    return {
        "commits": dict.fromkeys(("seeds", "curve", "last quarter", "outlets"), "abc1234"),
        "corpus": "0123456789abcdef",
        "settings": {"training.max_steps": 1000},
        "seeds": scores,
        "curve": {share: scores for share in ("100", "25", "50", "75")},
        "last quarter": {"mentions": gain, "given stances": gain},
        "outlets": {"Northgate Wire": outlet, "Harbor Courier": outlet},
    }


def test_the_starter_section_has_its_four_tables() -> None:
    lines = starter_tables(starter())
    assert lines[0] == "Run with training.max_steps 1000; corpus 0123456789ab. Commit abc1234."
    assert "| mentions | 0.500 | 0.400 to 0.600 | 0.450 to 0.550 |" in lines
    assert "| F1 on test | 25 % | 50 % | 75 % | 100 % |" in lines
    assert "| given stances | +0.020 | -0.010 to +0.050 |" in lines
    assert "| F1 on its test articles, read → unread | Harbor Courier | Northgate Wire |" in lines
    assert "| arguments attached | 0.300 → 0.250 | 0.300 → 0.250 |" in lines


def test_the_starter_section_says_how_well_models_know_themselves() -> None:
    kept = {"right": 0.823, "kept": 0.5}
    layer = {"found": 1234, "before": 0.2, "after": 0.05, "0.8": kept, "0.9": {"right": None, "kept": 0.0}}
    comparisons = {"lines": 100, "shown": 7, "by chance": 5}
    forecast = {"mentions": {"articles_more": 50, "gain": 0.01, "ci": [-0.01, 0.03]}, "given stances": "not determined"}
    lines = starter_tables(
        starter() | {"honesty": {"layers": {"mentions": layer}, "comparisons": comparisons}, "forecast": forecast}
    )
    assert "| mentions | 1,234 | 0.200 | 0.050 | 0.823 (50%) | - |" in lines
    assert any("7 of 100 lines show" in line for line in lines)
    assert "### What 50 more articles would bring" in lines
    assert "| mentions | +0.010 | -0.010 to +0.030 |" in lines
    assert "| given stances | not determined | - |" in lines


def test_forecasts_rise_where_the_scores_do() -> None:
    def runs(right: int) -> list[dict[str, Rows]]:
        return [{"mentions": {f"s{n}": (right, 10 - right, 10 - right) for n in range(20)}}]

    points = [runs(right) for right in (3, 5, 6, 7)]
    assert forecasts(["mentions"], [40, 80, 120, 160], points)["mentions"]["gain"] > 0
    assert "do not rise" in forecasts(["mentions"], [40, 80, 120, 160], points[::-1])["mentions"]


def test_tables_that_were_not_made_again_stay_with_their_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.starter.RESULTS", tmp_path / "starter.json")
    monkeypatch.setattr("benchmarks.starter.commit_now", lambda: "old1234")
    made = starter()
    keep({table: made[table] for table in ("seeds", "outlets")})
    monkeypatch.setattr("benchmarks.starter.commit_now", lambda: "new1234")
    keep({"seeds": {"mentions": made["seeds"]["mentions"]}})
    known = json.loads((tmp_path / "starter.json").read_text())
    assert known["commits"] == {"seeds": "new1234", "outlets": "old1234"}
    assert list(known["seeds"]) == ["mentions"] and known["outlets"] == made["outlets"]
    lines = starter_tables(made | known)
    assert lines[0].endswith(" Commits: seeds new1234, outlets old1234.")

    monkeypatch.setattr("benchmarks.starter.STEPS", {"training.max_steps": 7})
    keep({"seeds": made["seeds"]})  # of another setting: nothing of before stays
    assert "outlets" not in json.loads((tmp_path / "starter.json").read_text())


def test_the_page_keeps_what_is_outside_the_markers(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    write(
        page,
        "before\n<!-- results -->\nold\n<!-- end of results -->\nbetween\n<!-- starter -->\n<!-- end of starter -->\nafter\n",
    )
    write_page(RESULTS, None, page=page)
    once = page.read_text()
    write_page(RESULTS, None, page=page)
    assert page.read_text() == once
    assert once.startswith("before\n<!-- results -->\n\n### Triggers\n")
    assert once.endswith("<!-- end of results -->\nbetween\n<!-- starter -->\n\n<!-- end of starter -->\nafter\n")
    write_page(RESULTS, starter(), page=page)
    assert "### An outlet that was never read" in page.read_text()


def test_the_pages_have_what_the_results_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parent.parent)
    results, starter = (json.loads(Path(f"benchmarks/{name}.json").read_text()) for name in ("results", "starter"))
    copies = {page: tmp_path / page.name for page in (Path("docs/benchmarks.md"), Path("README.md"))}
    for page, copy in copies.items():
        shutil.copy(page, copy)
    write_page(results, starter, page=copies[Path("docs/benchmarks.md")])
    write_readme(results, page=copies[Path("README.md")])
    assert [str(page) for page, copy in copies.items() if copy.read_text() != page.read_text()] == []


def test_the_readme_has_the_means_of_the_seeds_from_md_alone() -> None:
    speed = {"speed": {"words_per_cpu_second": 11765, "commit": "abc1234"}}
    lines = readme_lines(RESULTS | {"casie/blank/0": run_of(0, 0.1)} | speed)
    row = "| CASIE | triggers | 0.620 | 0.562 to 0.684 | 3 | 0.708 | 0.88 |"
    assert [line for line in lines if line.startswith("| CASIE ")] == [row]
    assert lines[-2].endswith("2 to 2 minutes of one CPU core, and the models read 9,000 to 9,000 words per CPU second.")
    assert lines[-1] == "The starter model, all components, reads 11,765 (commit abc1234)."


def test_the_speed_is_beside_that_of_entities_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    write(page, "<!-- results -->\n<!-- end of results -->\n<!-- starter -->\n<!-- end of starter -->\n")
    costs = {"words_per_cpu_second": 11765, "microseconds_per_word": {"ner": 12.1}, "commit": "abc1234"}
    write_page({"speed": costs}, None, page=page)
    assert "As a part of" not in page.read_text()
    write_page({"speed": costs | {"of_entities_alone": 0.544}}, None, page=page)
    assert "11,765 words per CPU\n" in page.read_text()
    assert "with entities alone, in one process: 0.54." in page.read_text()


def test_the_cost_of_training_is_beside_that_of_spacys_command(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    write(page, "<!-- results -->\n<!-- end of results -->\n<!-- starter -->\n<!-- end of starter -->\n")
    cost = {"steps": 300, "ours": 310.5, "spacys": 300.0, "commit": "abc1234"}
    write_page({"training_cost": cost}, None, page=page)
    assert "310.5 CPU seconds, `spacy train` with the same config 300.0: 1.03 of it (commit abc1234)." in page.read_text()


def test_each_set_has_settings_and_a_name() -> None:
    assert SETTINGS.keys() == SETS.keys()


@pytest.mark.parametrize(
    ("words", "data", "said"),
    [
        (["accuracy", "conll"], "somewhere", "conll: is no set; name one of casie, m2e2, "),
        (["accuracy", "casie", "md", "first"], "somewhere", "usage: python -m benchmarks"),
        (["accuracy", "casie"], None, "COPYDESK_BENCH is not set"),
        (["accuracy", "casie", "blank", "0", "--training.max_step", "3"], "somewhere", "training.max_step"),
    ],
    ids=["set", "seed", "no data", "setting"],
)
def test_wrong_words_end_with_one_message(words: list[str], data: str | None, said: str, tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "COPYDESK_BENCH"}
    if data is not None:
        environment["COPYDESK_BENCH"] = str(public_set(tmp_path, "casie", [gold_article("a")]))
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *words],
        cwd=Path(__file__).parent.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
