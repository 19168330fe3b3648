"""Articles come in from files, folders, tables and data sets, verbatim, each with an id of its own."""

import io
import json
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from conftest import gold_article
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from annotate.errors import DataError, RecordError
from annotate.records import Article, to_line
from annotate.sources import Columns, read_articles, refuse_to_replace, scan_articles

ODD_TEXT = '\u00a0 "Quotes", commas;\r\n\ttabs — e\u0301 🕊\n'


def ids(*inputs: object, **options: object) -> list[str]:
    return [article.id for article in read_articles([str(i) for i in inputs], **options)]  # type: ignore[arg-type]


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_text_file_is_one_article_verbatim_with_its_name_as_id(tmp_path: Path) -> None:
    path = write(tmp_path / "harbor-1.txt", b"\xef\xbb\xbf" + ODD_TEXT.encode())
    assert list(read_articles([str(path)])) == [Article(id="harbor-1", text=ODD_TEXT)]


def test_a_folder_is_read_recursively_in_order_and_names_stay_apart(tmp_path: Path) -> None:
    write(tmp_path / "b" / "one.txt", "B one")
    write(tmp_path / "a" / "one.txt", "A one")
    write(tmp_path / "top.md", "Top")
    write(tmp_path / "more.jsonl", to_line(gold_article("harbor-0012")))
    write(tmp_path / ".hidden.txt", "x")
    write(tmp_path / ".git" / "y.txt", "y")
    write(tmp_path / "photo.jpg", b"\xff")
    passed_over: list[Path] = []
    scanned = [article for _, article in scan_articles([str(tmp_path)], pass_over=passed_over.append)]
    assert [a.id for a in scanned if isinstance(a, Article)] == ["a/one", "b/one", "harbor-0012", "top"]
    assert passed_over == [tmp_path / "photo.jpg"]


def test_two_files_of_one_name_given_one_by_one_are_told_apart_by_hand(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a" / "one.txt", "A"), write(tmp_path / "b" / "one.txt", "B")
    with pytest.raises(RecordError) as caught:
        ids(first, second)
    assert str(caught.value) == f"{second}: article 'one': has the id of {first}; give each article its own id"


def test_standard_input_holds_records(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = SimpleNamespace(buffer=io.BytesIO(to_line(gold_article("a")).encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert list(read_articles(["-"])) == [gold_article("a")]


def test_marked_files_are_read_with_the_scheme(tmp_path: Path) -> None:
    path = write(tmp_path / "x.marked", "=== harbor-1\ntitle: T\n\n[Oslo](GPE o) waits.\n")
    (article,) = read_articles([str(path)])
    assert (article.text, article.annotations[0].mentions[0].label) == ("Oslo waits.", "GPE")  # type: ignore[index]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_keeps_texts_verbatim_and_other_columns_in_meta(delimiter: str, tmp_path: Path) -> None:
    quoted = '"' + ODD_TEXT.replace('"', '""') + '"'
    rows = [
        ["id", "text", "outlet", "published", "section"],
        ["h-1", quoted, "Harbor", "2015-07-14", "World"],
        ["7", "B", "", "", ""],
    ]
    path = write(tmp_path / "a.csv", "\ufeff" + "".join(delimiter.join(row) + "\r\n" for row in rows))
    first, second = read_articles([str(path)])
    assert first == Article(id="h-1", text=ODD_TEXT, outlet="Harbor", published="2015-07-14", meta={"section": "World"})
    assert second == Article(id="7", text="B")


def test_rows_without_ids_get_stable_ones(tmp_path: Path) -> None:
    path = write(tmp_path / "news.csv", "text,title\nA,x\nB,y\n")
    assert ids(path) == ids(path) == ["news-1", "news-2"]


def test_columns_can_go_by_other_names(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "body,key,text\nA,k,summary\n")
    (article,) = read_articles([str(path)], columns=Columns("body", "key"))
    assert article == Article(id="k", text="A", meta={"text": "summary"})


def test_csv_fields_may_be_long(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,text\nx," + "a" * 500_000 + "\n")
    assert [len(a.text) for a in read_articles([str(path)])] == [500_000]


def test_parquet_rows_become_articles(tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": [1, 2],
            "text": [ODD_TEXT, "B"],
            "published": [date(2015, 7, 14), None],
            "score": [0.5, float("nan")],
            "tags": [["x", "y"], []],
        }
    )
    parquet.write_table(table, tmp_path / "a.parquet")
    first, second = read_articles([str(tmp_path / "a.parquet")])
    assert first == Article(id="1", text=ODD_TEXT, published="2015-07-14", meta={"score": 0.5, "tags": ["x", "y"]})
    assert second == Article(id="2", text="B", meta={"score": None, "tags": []})


def test_records_in_parquet_keep_their_annotations(tmp_path: Path) -> None:
    plain = json.loads(to_line(gold_article("a")))
    for event in plain["annotations"][0]["events"]:
        event["attributes"] = {"modality": "PLANNED"}
    parquet.write_table(pa.Table.from_pylist([plain]), tmp_path / "a.parquet")
    (article,) = read_articles([str(tmp_path / "a.parquet")])
    assert article.annotations[0].mentions == gold_article("a").annotations[0].mentions


def saved_data_set(folder: Path, **splits: list[dict[str, str]]) -> Path:
    import datasets

    parts = {name: datasets.Dataset.from_list(rows) for name, rows in splits.items()}
    datasets.DatasetDict(parts).save_to_disk(str(folder))
    return folder


def test_a_saved_data_set_is_read_split_by_split(tmp_path: Path) -> None:
    rows = [{"text": "A", "label": "x"}, {"text": "B", "label": "y"}]
    folder = saved_data_set(tmp_path / "news", train=rows, test=rows[:1])
    assert ids(f"hf:{folder}:train") == ["news-train-1", "news-train-2"]
    with pytest.raises(RecordError, match=r"has the splits train, test; name one: .*news:train"):
        ids(folder)
    with pytest.raises(RecordError, match=r"has no split 'dev'; name one of train, test"):
        ids(f"hf:{folder}:dev")


def test_a_data_set_of_one_split_needs_no_name_of_it(tmp_path: Path) -> None:
    folder = saved_data_set(tmp_path / "news", train=[{"id": "n1", "text": "A", "label": "x"}])
    (article,) = read_articles([str(folder)])
    assert article == Article(id="n1", text="A", meta={"label": "x"})


def test_a_folder_of_data_files_loads_through_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    write(tmp_path / "plain" / "train.csv", "id,text\nn1,A\n")
    assert ids(f"hf:{tmp_path / 'plain'}") == ["n1"]


def test_a_data_set_that_is_not_there_gets_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(RecordError) as caught:
        ids(f"hf:{tmp_path / 'none'}")
    assert "cannot be loaded" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", "caf\xe9".encode("latin-1"), "article 'a': is not UTF-8 (byte 4); save the file as UTF-8"),
        ("a.txt", "Oslo".encode("utf-16"), "is not UTF-8 (byte 1) but looks like UTF-16; save the file as UTF-8"),
        ("a.txt", b"", "article 'a': has an empty text; remove it"),
        ("a.txt", b"a\0b", "article 'a': has a NUL character at 1"),
        ("a.txt", b"a" * 2_000_000, "article 'a': has 2,000,000 characters, more than 1,000,000; cut it into parts"),
        ("a.txt", b"a" * 5_000_000, "article 'a': has 5,000,000 bytes, more than any article; cut it into parts"),
        ("a.jsonl", b'{"id": "x", "te', ":1: is cut off"),
        ("a.csv", b"id,body\n1,A\n", "has no column 'text' (there: id, body); name one with --text-column"),
        ("a.csv", b"", "has no column 'text' (there: none)"),
        ("a.csv", b"id,text\n,A\n", "row 1: has nothing in the column 'id'; fill it, or remove the column"),
        ("a.csv", b"id,text\n1,A,B\n", "row 1: has 3 fields, the header line 2"),
        ("a.csv", b'id,text\n1,A\n2,"cut', "row 2: is cut off in a quoted field; the file is incomplete"),
        ("a.csv", b"id,text\n1,caf\xe9\n", "is not UTF-8; save the file as UTF-8"),
        ("a.csv", b"id,text\n1,\n", "row 1: article '1': has an empty text"),
        ("a.csv", b"id,text,meta\n1,A,{\n", "row 1: has no JSON in the column 'meta'"),
        ("a.parquet", b"PAR1 no", "is not a whole Parquet file"),
        ("a.json", b"[]", "is no kind of file that is read here (.json); JSON Lines end in .jsonl"),
        ("a.pdf", b"%PDF", "is no kind of file that is read here (.pdf); give files that end in .jsonl, .ndjson, .csv"),
    ],
)
def test_what_is_no_article_gets_one_clear_line(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    path = write(tmp_path / name, content)
    with pytest.raises(RecordError) as caught:
        ids(path)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_truncated_parquet_file_gets_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"id": ["a"], "text": ["b" * 1000]}), path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(RecordError, match=r"a\.parquet: is not a whole Parquet file"):
        ids(path)


def test_parquet_that_is_not_utf8_is_found_in_its_row(tmp_path: Path) -> None:
    wrong = pa.array([b"ok", b"caf\xe9"]).cast(pa.binary()).view(pa.string())
    parquet.write_table(pa.table({"id": ["a", "b"], "text": wrong}), tmp_path / "a.parquet")
    found = [str(article) for _, article in scan_articles([str(tmp_path / "a.parquet")]) if isinstance(article, RecordError)]
    assert found == [f"{tmp_path / 'a.parquet'}: row 2: is not UTF-8; export the file again"]


def test_missing_files_and_empty_folders_get_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"none\.txt: cannot be read \(No such file or directory\); check the path"):
        ids(tmp_path / "none.txt")
    with pytest.raises(RecordError, match=r"has no articles; put files there that end in \.jsonl"):
        ids(tmp_path)


pieces = st.sampled_from(
    [b'{"id": "a", "text": "b"}', b"id,text", b"a,b", b"\n", b"\r", b'"', b"\xff", b"\0", b"\xef\xbb\xbf", b"{", b"PAR1"]
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["a.jsonl", "a.csv", "a.txt", "a.marked", "a.parquet"]),
    st.lists(pieces | st.binary(max_size=9)).map(b"".join),
)
def test_any_bytes_give_articles_or_clear_lines(tmp_path: Path, name: str, content: bytes) -> None:
    path = write(tmp_path / name, content)
    try:
        scanned = [article for _, article in scan_articles([str(path)])]
    except RecordError as fault:
        scanned = [fault]
    for article in scanned:
        assert isinstance(article, Article) or "\n" not in str(article)


def test_an_output_beside_what_is_read_is_allowed(tmp_path: Path) -> None:
    for name in ("a.txt", "page.html", "out/a.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("Hello.")
    refuse_to_replace([tmp_path, None, "hf:name", "-"], tmp_path / "page.html", tmp_path / "new.jsonl", tmp_path / "out", None)
    (tmp_path / "link").symlink_to(tmp_path / "a.txt")
    for output in (tmp_path, tmp_path.parent, tmp_path / "link", tmp_path / "out" / "a.txt"):
        with pytest.raises(DataError, match=f"{output}: would replace what this command reads; give another path"):
            refuse_to_replace([tmp_path], output)


def test_two_outputs_of_one_command_have_two_places(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.json: is the place of two outputs; give each a path of its own"):
        refuse_to_replace([], tmp_path / "a.json", tmp_path / "b" / ".." / "a.json")


def test_scanning_goes_on_behind_a_bad_row(tmp_path: Path, records_file: Callable[[str], Path]) -> None:
    path = records_file('{"id": "a", "text": "A"}\nnot JSON\n{"id": "b", "text": "B"}\n')
    scanned = [article for _, article in scan_articles([str(path)])]
    assert [getattr(a, "id", "fault") for a in scanned] == ["a", "fault", "b"]
