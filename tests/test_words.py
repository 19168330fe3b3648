"""Where words begin and end: what is mended by hand must pass the check."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.words import character_edges, grow_to_words, is_inside_word, mended


@given(text=st.text("aß1 \n.'\u0301\u200dह्é語ས་", min_size=1), data=st.data())
def test_mended_range_has_no_edge_inside_a_word(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    assert not any(is_inside_word(text, edge) for edge in mended(text, start, end))


@pytest.mark.parametrize(
    ("text", "drawn", "grown"),
    [
        ("Tehran talks", (2, 4), (0, 6)),
        ("東京都庁", (1, 2), (1, 2)),
        ("བོད་ཡིག", (4, 6), (4, 6)),
        ("cafe\u0301 bar", (0, 4), (0, 5)),
        ("क\u094d\u200dष", (0, 1), (0, 4)),
    ],
    ids=["spaced", "Han", "Tibetan", "combining mark", "zero-width joiner"],
)
def test_range_grows_to_words_where_they_are_spaced(text: str, drawn: tuple[int, int], grown: tuple[int, int]) -> None:
    assert grow_to_words(text, *drawn) == grown


@pytest.mark.parametrize(
    ("text", "edges"),
    [("plain", None), ("a\r\nb", {0, 1, 3, 4}), ("e\u0301!", {0, 2, 3})],
    ids=["ASCII", "CRLF", "combining mark"],
)
def test_characters_end_where_a_reader_sees_it(text: str, edges: set[int] | None) -> None:
    assert character_edges(text) == edges
