"""Reliability diagrams stand on the report of an evaluation, whatever the model, the layers and the labels are."""

from xml.etree import ElementTree

import pytest
from conftest import gold_annotation, gold_article
from test_report import EVIL, Tags, made_of

from annotate.records import Annotation
from training.calibration import reliability
from training.diagram import LEFT, SIDE, TOP, figures, reliability_svg, without_figure
from training.evaluate import Pair, Scores, score
from training.report import to_html


def scored(annotation: Annotation, own: float) -> Annotation:
    """The annotation as a model would give it: each item with this score."""
    update = {"score": own}
    return annotation.model_copy(
        update={
            "mentions": tuple(m.model_copy(update=update) for m in annotation.mentions or ()),
            "events": tuple(
                e.model_copy(
                    update=update
                    | {
                        "arguments": tuple(a.model_copy(update=update) for a in e.arguments),
                        "attribute_scores": dict.fromkeys(e.attributes, own),
                    }
                )
                for e in annotation.events or ()
            ),
            "stances": tuple(s.model_copy(update=update) for s in annotation.stances or ()),
        }
    )


def scores_of(own: float, before: float | None = None) -> Scores:
    """Of one article in which all is found and right. before: the network's own score, where the model is calibrated."""
    article, gold = gold_article("a"), gold_annotation()
    raw = None if before is None else scored(gold, before)
    return score([Pair(article, gold, scored(gold, own), gold, raw)])


def captions(page: str) -> list[str]:
    return [" ".join(text.split()) for text in Tags(page).texts("figcaption")]


def test_a_dot_stands_at_its_mean_score_and_share_of_right_ones() -> None:
    svg = reliability_svg(reliability([0.25] * 4 + [1.0] * 16, [True, False, False, False] + [True] * 16), title="t")
    root = ElementTree.fromstring(svg)
    dots = [tuple(float(dot.get(name, "")) for name in ("cx", "cy", "r")) for dot in root.findall("circle")]
    assert dots == [
        (LEFT + SIDE * 0.25, TOP + SIDE * 0.75, 4.5),
        (LEFT + SIDE, TOP, 9.0),
    ]  # a quarter of the items: half as wide
    assert next(dot.findtext("title") for dot in root.findall("circle")) == "0.2 to 0.3: 4 found, mean score 0.25, 0.25 right"


def test_the_line_at_a_dot_leads_to_the_diagonal() -> None:
    svg = reliability_svg(reliability([0.8] * 2, [False] * 2), title="t")
    (off,) = [path for path in ElementTree.fromstring(svg).findall("path") if path.get("class") == "off"]
    assert off.get("d") == f"M{LEFT + SIDE * 0.8:.1f} {TOP + SIDE:.1f}V{TOP + SIDE * 0.2:.1f}"


def test_the_diagram_is_one_sound_element_whatever_its_title() -> None:
    root = ElementTree.fromstring(reliability_svg(reliability([0.05, 0.95], [False, True]), title=EVIL))
    assert {child.tag for child in root} == {"title", "path", "text", "circle"}
    assert (root.get("aria-label"), root.get("role")) == (EVIL, "img")
    assert ElementTree.fromstring(reliability_svg(reliability([], []), title="none")).findall("circle") == []


def test_a_calibrated_model_has_two_diagrams_a_layer_each_with_its_error() -> None:
    page = to_html(scores_of(0.9, before=0.6), title="t")
    assert captions(page) == ["before: error 0.400", "after: error 0.100"] * 5
    labels = [attrs["aria-label"] for tag, attrs in Tags(page).seen if tag == "svg"]
    assert labels[:2] == [
        "mentions, before: calibration error 0.400, 3 found",
        "mentions, after: calibration error 0.100, 3 found",
    ]
    assert [str(label).split(",")[0] for label in labels[::2]] == ["mentions", "events", "attributes", "arguments", "stances"]
    assert "not calibrated" not in page


def test_a_model_without_calibration_has_one_diagram_a_layer() -> None:
    page = to_html(scores_of(0.6), title="t")
    assert captions(page) == ["not calibrated: error 0.400"] * 5
    assert "The model is not calibrated" in page


def test_layers_without_items_are_named() -> None:
    article, gold = gold_article("a"), gold_annotation()
    found = scored(gold, 0.9).model_copy(update={"events": (), "stances": ()})
    scores = score([Pair(article, gold, found, gold)])
    assert [figure.layer for figure in figures(scores)] == ["mentions"]
    assert without_figure(scores) == ["events", "attributes", "arguments", "stances"]
    assert "Nothing was found that has a score: events, attributes, arguments, stances." in to_html(scores, title="t")


def test_layers_that_are_not_scored_are_not_named() -> None:
    article = gold_article("a")
    gold = gold_annotation().model_copy(update={"events": None, "stances": None})
    scores = score([Pair(article, gold, gold.model_copy(update={"mentions": ()}))], can=["mentions"])
    assert without_figure(scores) == ["mentions"]


def test_a_model_that_gives_no_scores_has_no_diagram() -> None:
    page = to_html(score([Pair(gold_article("a"), gold_annotation(), gold_annotation())]), title="t")
    assert "Each dot" not in page
    assert "Nothing was found that has a score: mentions, events, attributes, arguments, stances." in page


@pytest.mark.parametrize("evil", [EVIL, "</svg></figure>", "{{ 7 * 7 }}"])
def test_labels_stay_out_of_the_diagrams(evil: str) -> None:
    pair = made_of(evil)
    page = to_html(score([pair._replace(found=scored(pair.found, 0.9), raw=scored(pair.found, 0.5))]), title="t")
    tags = Tags(page)
    assert {tag for tag, _ in tags.seen}.isdisjoint({"script", "img", "iframe", "link", "object"})
    assert len(tags.texts("svg")) == 10
    assert not [text for text in tags.texts("figure") if evil in text]
