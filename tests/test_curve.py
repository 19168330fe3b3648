"""A learning curve draws nested shares, trains each model once, and forecasts only what its points determine."""

import io
import json
import re
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from test_report import EVIL, Tags
from test_train import SMALL, corpus

from annotate.errors import DataError
from annotate.records import Article, write_records
from annotate.schema import Schema
from annotate.scores import MIN_STORIES
from training.curve import (
    Counted,
    Curve,
    Plan,
    Rows,
    count_by_story,
    digest_of,
    draw_share,
    drawn_means,
    interval,
    summarize,
    to_curve,
    trace,
    usable_shares,
)
from training.curve_report import curve_files, parse_shares, to_html, to_text
from training.evaluate import evaluate
from training.forecast import MIN_POINTS, Forecast, fit_laws, forecast, values
from training.pipeline import load_model
from training.split import Split
from training.train import Settings

SIZES = (46.0, 92.0, 136.0, 182.0)


def law(n: float, a: float = 0.75, b: float = 1.5, c: float = 0.4) -> float:
    return a - b * n**-c


def scored(f1: float, *, n_stories: int = 24, n_items: int = 50, seed: int = 0) -> Rows:
    """Stories of which a model that finds each item with that chance has found some, and as many others that are none."""
    random = np.random.default_rng(seed)
    n_found = random.binomial(n_items, f1, size=n_stories).tolist()
    return {f"s{i}": (n, n_items - n, n_items - n) for i, n in enumerate(n_found)}


def curve(levels: dict[str, list[float]], *, n_stories: int = 24, plan: Plan | None = None, on: str = "test.jsonl") -> Curve:
    """The curve of models that score about so much at 46, 92, … articles."""
    plan = plan or Plan(n_seeds=2)
    points = []
    for i, size in enumerate(SIZES[: len(next(iter(levels.values())))]):
        runs: list[Counted] = [
            {name: scored(f1[i], n_stories=n_stories, seed=100 * seed + i) for name, f1 in levels.items()}
            for seed in range(plan.n_seeds)
        ]
        points.append((25 * (i + 1), [int(size)] * plan.n_seeds, runs))
    return to_curve(points, plan, on, 2 * n_stories)


RISING = {"mentions": [law(n, b=1.0) for n in SIZES], "triggers": [law(n) for n in SIZES]}


# -- shares ---------------------------------------------------------------------------------------------------------------


def test_a_smaller_share_lies_inside_a_larger_one() -> None:
    articles = corpus(20)
    for seed in (0, 1):
        shares = [{a.id for a in draw_share(articles, percent, seed)} for percent in (25, 50, 75, 100)]
        assert [len(own) for own in shares] == [5, 10, 15, 20]
        assert shares[0] < shares[1] < shares[2] < shares[3]


def test_each_seed_draws_other_stories() -> None:
    assert draw_share(corpus(20), 50, 0) != draw_share(corpus(20), 50, 1)


def test_a_story_comes_whole_or_not_at_all() -> None:
    articles = [a.model_copy(update={"story": f"s{i % 4}"}) for i, a in enumerate(corpus(12))]
    kept = draw_share(articles, 50, 0)
    assert len(kept) == 6 and len({a.story for a in kept}) == 2


def test_the_draw_and_the_intervals_stay_what_published_figures_were_made_with() -> None:
    """The figures of the starter corpus were made with these: another draw would be another benchmark."""
    ids = " ".join(a.id for a in draw_share(corpus(40), 50, 1))
    assert sha256(ids.encode()).hexdigest()[:12] == "384ebc4ddb4d"
    random = np.random.default_rng(5)
    runs: list[Rows] = [{f"s{i}": tuple(random.integers(0, 20, 3).tolist()) for i in range(12)} for _ in range(3)]
    assert summarize(runs) == (0.5358, (0.4507, 0.6131), (0.5403, 0.5342, 0.533))
    better: list[Rows] = [{story: (tp + 4, fp, fn) for story, (tp, fp, fn) in run.items()} for run in runs]
    assert interval(drawn_means(better) - drawn_means(runs)) == (0.0669, 0.1067)


def test_shares_that_are_the_same_stories_are_one_point() -> None:
    assert usable_shares((25, 50, 75), 40) == [25, 50, 75, 100]
    assert usable_shares((10, 20, 50), 2) == [50, 100]
    assert usable_shares((25,), 1) == [100]


@pytest.mark.parametrize("text", ["a", "25;50", "", "0,50", "50,101", "-5"])
def test_shares_that_are_none_are_one_line(text: str) -> None:
    with pytest.raises(DataError, match="share"):
        usable_shares(parse_shares(text), 10)


# -- forecast -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("a", "b", "c"), [(0.75, 1.5, 0.4), (0.9, 0.5, 0.7), (0.5, 3.0, 1.0), (1.0, 1.2, 0.2)])
def test_a_law_is_found_again(a: float, b: float, c: float) -> None:
    f1 = np.array([[law(n, a, b, c) for n in SIZES]])
    found = values(fit_laws(np.array(SIZES), f1), np.array([*SIZES, 232.0]))[0]
    assert found == pytest.approx([law(n, a, b, c) for n in (*SIZES, 232.0)], abs=0.002)


def test_the_fit_is_the_nearest_law_of_all() -> None:
    """Against every law of a fine grid."""
    sizes, f1 = np.array(SIZES), np.array([0.41, 0.52, 0.50, 0.56])
    a, b, c = (axis.ravel() for axis in np.meshgrid(np.linspace(0.4, 1, 60), np.linspace(0, 20, 400), np.linspace(0.05, 3, 40)))
    theirs = ((values(np.stack([a, b, c], axis=1), sizes) - f1) ** 2).sum(axis=1).min()
    ours = ((values(fit_laws(sizes, f1[None]), sizes) - f1) ** 2).sum()
    assert ours <= theirs


def test_a_law_never_promises_more_than_is_possible() -> None:
    laws = fit_laws(np.array(SIZES), np.array([[0.2, 0.4, 0.6, 0.8], [0.9, 0.95, 0.99, 1.0], [0.5, 0.5, 0.5, 0.5]]))
    assert (laws[:, 0] <= 1).all() and (laws[:, 1] >= 0).all()
    assert (values(laws, np.array([1e9])) <= 1).all()


@pytest.mark.parametrize("n_points", [1, 2, 3])
def test_too_few_points_make_no_forecast(n_points: int) -> None:
    found = forecast(SIZES[:n_points], [law(n) for n in SIZES[:n_points]], None, 50)
    assert found == f"not enough points: {n_points} size{'s' * (n_points > 1)}, and a law takes {MIN_POINTS}"


def test_points_of_one_size_count_once() -> None:
    assert "3 sizes" in str(forecast([46, 46, 92, 136], [0.4, 0.4, 0.5, 0.5], None, 50))


@pytest.mark.parametrize("f1", [[0.5, 0.5, 0.5, 0.5], [0.6, 0.55, 0.5, 0.45]], ids=["level", "falling"])
def test_scores_that_do_not_rise_make_no_forecast(f1: list[float]) -> None:
    assert forecast(SIZES, f1, None, 50) == "not determined: the scores do not rise with the articles"


def test_scores_that_rise_by_chance_make_no_forecast() -> None:
    """The points rise a little, but half of the draws fall."""
    draws = np.array([[0.50, 0.50, 0.50, 0.51], [0.52, 0.51, 0.50, 0.49]] * 500)
    assert "drawn again" in str(forecast(SIZES, [0.50, 0.50, 0.50, 0.502], draws, 50))


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    truth = law(232) - law(182)
    held = 0
    for trial in range(20):
        runs = [[scored(law(n), seed=1000 * trial + 10 * i + seed) for seed in range(2)] for i, n in enumerate(SIZES)]
        draws = np.stack([drawn_means(own)[:400] for own in runs], axis=1)
        found = forecast(SIZES, [summarize(own, draws[:, i]).mean for i, own in enumerate(runs)], draws, 50)
        assert isinstance(found, Forecast) and found.ci is not None
        held += found.ci[0] <= truth <= found.ci[1]
    assert held >= 17  # of 20


# -- what is told ---------------------------------------------------------------------------------------------------------


def test_the_table_has_each_size_and_what_more_would_bring() -> None:
    text = to_text(curve(RISING))
    assert text.startswith("8 models, learnt from 46 to 182 articles; scored on 48 articles of 24 stories (test.jsonl)\n")
    own = text[text.index("\ntriggers") :].splitlines()[1:6]
    assert re.match(r"triggers +46 +0\.\d{3}  0\.\d{3} to 0\.\d{3}$", own[0])
    assert [line.split()[0] for line in own[1:4]] == ["92", "136", "182"]
    assert re.match(r" +50 more +\+0\.\d{3}  \+0\.\d{3} to \+0\.\d{3}$", own[4])


def test_few_stories_have_no_interval_and_say_so() -> None:
    few = curve(RISING, n_stories=MIN_STORIES - 1)
    assert "9 stories to score on: no intervals (from 10 on there are some)" in to_text(few)
    assert " to 0." not in to_text(few)
    assert few.to_json()["points"][0]["scores"]["triggers"]["ci"] is None


def test_notes_say_what_flatters_and_what_is_luck() -> None:
    text = to_text(curve(RISING, plan=Plan(n_seeds=1, n_more=500), on="dev"))
    assert "dev also chose the steps" in text
    assert "one model a point" in text
    assert "500 more articles are more than there are" in text
    assert to_text(curve(RISING)).count("\n\n") == 1  # no note


def test_the_page_shows_a_plot_for_each_layer_and_escapes_what_it_names() -> None:
    page = to_html(curve(RISING, on=EVIL))
    tags = Tags(page).seen
    names = [tag for tag, _ in tags]
    assert names.count("svg") == 2 and names.count("circle") == 8
    assert set(names).isdisjoint({"script", "img", "link", "iframe"})
    assert "alert(1)" in page and "url(" not in page
    policy = next(attrs["content"] for tag, attrs in tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    assert sum(attrs.get("class") == "law ahead" for _, attrs in tags) == 2


def test_the_plot_rises_with_the_scores_and_stays_in_its_field() -> None:
    tags = Tags(to_html(curve(RISING))).seen
    dots = [(float(attrs["cx"] or 0), float(attrs["cy"] or 0)) for tag, attrs in tags if tag == "circle"]
    for own in (dots[:4], dots[4:]):
        assert own == sorted(own) and [y for _, y in own] == sorted((y for _, y in own), reverse=True)
        assert all(38 <= x <= 352 and 12 <= y <= 198 for x, y in own)


def test_a_page_without_a_forecast_says_why() -> None:
    page = to_html(curve({name: own[:3] for name, own in RISING.items()}))
    assert page.count("not enough points: 3 sizes, and a law takes 4") == 2
    assert 'class="law' not in page


# -- trained --------------------------------------------------------------------------------------------------------------


def settings(schema: Schema, **overrides: object) -> Settings:
    return Settings(schema, base="none", overrides=SMALL | overrides)


def split(articles: list[Article]) -> Split:
    return Split({"train": articles[:4], "dev": articles[4:], "test": []}, [])


def test_a_finished_point_is_not_trained_twice(tmp_path: Path, schema: Schema) -> None:
    own, said = split(corpus()), []
    plan = Plan((50,))
    first = trace(own, own.parts["dev"], tmp_path, settings(schema), plan=plan, say=said.append)
    trained = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("run.json")}
    assert len(trained) == 2 and sum(line.endswith("is trained") for line in said) == 2
    said.clear()
    again = trace(own, own.parts["dev"], tmp_path, settings(schema), plan=Plan((50,), n_seeds=2), say=said.append)
    assert [line for line in said if "seed" in line] == [
        "50 % of the stories, 2 articles, seed 0: is there",
        "50 % of the stories, 2 articles, seed 1: is trained",
        "100 % of the stories, 4 articles, seed 0: is there",
        "100 % of the stories, 4 articles, seed 1: is trained",
    ]
    assert {path: path.stat().st_mtime_ns for path in trained} == trained
    assert again.points[0].scores["mentions"].runs[0] == first.points[0].scores["mentions"].runs[0]


def test_a_seed_for_all_models_is_refused(tmp_path: Path, schema: Schema) -> None:
    options = settings(schema, **{"training.seed": 5})
    with pytest.raises(DataError, match=r"--training.seed: is each model's own in a curve; leave it out"):
        trace(split(corpus()), corpus(), tmp_path, options, say=lambda line: None)


def test_a_model_of_other_threads_is_not_taken(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    names = set()
    for threads in ("1", "2"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        names.add(digest_of(split(corpus()), settings(schema)))
    assert len(names) == 2


def test_a_model_of_other_settings_or_articles_is_not_taken(tmp_path: Path, schema: Schema) -> None:
    own = split(corpus())
    other = split([a.model_copy(update={"text": a.text + " More."}) for a in own.parts["train"]] + own.parts["dev"])
    for n, (articles, options) in enumerate(
        [(own, settings(schema)), (own, settings(schema, **{"training.dropout": 0.3})), (other, settings(schema))], 1
    ):
        trace(articles, articles.parts["dev"], tmp_path, options, plan=Plan((100,)), say=lambda line: None)
        assert len(list(tmp_path.glob("*/run.json"))) == n


def test_a_layer_that_a_share_does_not_teach_scores_nothing_there(tmp_path: Path, schema: Schema) -> None:
    """The stories without events are those that the smaller share draws."""
    articles = corpus()
    drawn = {a.id for a in draw_share(articles[:4], 50, 0)}
    without = {a.id: a.model_copy(update={"annotations": corpus(1, events=(), stances=())[0].annotations}) for a in articles}
    mixed = [without[a.id] if a.id in drawn else a for a in articles[:4]] + articles[4:]
    found = trace(split(mixed), mixed[4:], tmp_path, settings(schema), plan=Plan((50,)), say=lambda line: None)
    assert found.points[0].scores["triggers"].mean == 0.0
    folders = {path.name.split("-")[0]: path for path in tmp_path.iterdir()}
    assert "triggers" not in load_model(folders["50"]).pipe_names
    rows = count_by_story(evaluate(load_model(folders["50"]), mixed[4:], n_resamples=1).pairs)
    assert rows["triggers"] == {"s4": (0, 0, 2), "s5": (0, 0, 2)}


def test_curve_files_writes_numbers_and_page_and_refuses_to_overwrite(tmp_path: Path, schema: Schema) -> None:
    own = split(corpus())
    write_records(tmp_path / "others.jsonl", corpus(2))
    outputs = {"json_file": tmp_path / "curve.json", "html_file": tmp_path / "curve.html"}
    said: list[str] = []
    arguments = (own, tmp_path / "work", settings(schema), Plan((50,)))
    text = curve_files(*arguments, on=tmp_path / "others.jsonl", say=said.append, stream=io.StringIO(), **outputs)
    assert "scored on 2 articles of 2 stories (others.jsonl)" in text
    assert any(line.startswith("stories in train and in test (s0, s1)") for line in said)
    plain = json.loads(outputs["json_file"].read_text())
    assert [point["articles"] for point in plain["points"]] == [[2], [4]]
    assert plain["forecast"]["mentions"] == {"reason": "not enough points: 2 sizes, and a law takes 4"}
    assert "<svg" in outputs["html_file"].read_text()
    with pytest.raises(DataError, match="is there already"):
        curve_files(*arguments, say=said.append, **outputs)


def test_nothing_to_score_on_is_one_line(tmp_path: Path, schema: Schema) -> None:
    own = Split({"train": corpus(2), "dev": [], "test": []}, [])
    with pytest.raises(DataError, match="dev: has no annotated article to score on; give others with --on"):
        trace(own, [], tmp_path, settings(schema), say=lambda line: None)
    assert list(tmp_path.iterdir()) == []
