"""A person labels one article in a real browser; the marks arrive with exactly the words that were marked."""

from pathlib import Path

import pytest
from browser import CHROMIUM, Link, Mark, label_in_browser
from local_server import Server

from annotate.records import Argument, Article, Stance, read_records, write_records
from annotate.schema import Schema
from annotate.studio.interface import ARTICLE_STANCE, EVENT, attribute_controls, hotkeys

pytest_plugins = ("server_fixtures",)
pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine; `make test` installs it"),
]

TEXT = (
    "“Peace 🕊️ at last?” asked the Courier’s 👩‍👩‍👧 column. Tehran accused Washington of bad faith before Friday’s planned "
    "talks.\n\nThe European Union is expected to send ministers to New York, said O’Neil-Smith."
)


def test_marks_made_in_the_browser_arrive(server: Server, schema: Schema, tmp_path: Path) -> None:
    write_records(tmp_path / "in.jsonl", [Article(id="fresh", text=TEXT, title="Tehran hits back")])
    server.ok("push", tmp_path / "in.jsonl", "--project", "browser")
    with server.connect() as connection:
        project = connection.find_project("browser")
        assert project is not None
        (task,) = connection.export(project.id)
    keys = hotkeys(schema)
    (modality,) = attribute_controls(schema)
    marks = [
        Mark("Tehran", keys["entity", "GPE"]),
        Mark("Washington", keys["entity", "GPE"], keys[ARTICLE_STANCE, "FAVOR"]),
        Mark("Friday", keys["entity", "DATE"]),
        Mark("European Uni", keys["entity", "ORG"]),
        Mark("accused", keys[EVENT, "ACCUSE"]),
        Mark("talks", keys[EVENT, "CONSULT"], keys[modality, "PLANNED"]),
    ]
    links = [Link("talks", "Tehran", "ACTOR"), Link("Tehran", "Washington", "AGAINST")]

    label_in_browser(server.url, *server.login, project.id, task["id"], marks=marks, links=links)

    server.ok("pull", "--project", "browser", "--out", tmp_path / "out.jsonl")
    (article,) = read_records(tmp_path / "out.jsonl")
    (made,) = article.annotations
    mentions = {m.id: TEXT[m.start : m.end] for m in made.mentions or ()}
    assert made.annotator == "desk"
    assert article.text == TEXT
    assert [(TEXT[m.start : m.end], m.label) for m in made.mentions or ()] == [
        ("Tehran", "GPE"),
        ("Washington", "GPE"),
        ("Friday", "DATE"),  # without its ’s
        ("European Union", "ORG"),  # half a word was marked: the whole of it comes back
    ]
    assert [(TEXT[e.start : e.end], e.label, e.attributes["modality"]) for e in made.events or ()] == [
        ("accused", "ACCUSE", "ASSERTED"),
        ("talks", "CONSULT", "PLANNED"),
    ]
    tehran, washington = (name for name, words in mentions.items() if words in ("Tehran", "Washington"))
    assert [e.arguments for e in made.events or ()] == [(), (Argument(role="ACTOR", mention=tehran),)]
    assert made.stances == (
        Stance(holder=None, target=washington, label="FAVOR"),
        Stance(holder=tehran, target=washington, label="AGAINST"),
    )
