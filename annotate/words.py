"""Where words and characters of a text begin and end, so that marks can be checked and careless ones mended."""

import regex

# A letter or digit of a script that puts spaces between words.
_LETTER = r"(?:(?=[\p{L}\p{N}])[^\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}])"
_INSIDE_WORD = regex.compile(rf"(?<={_LETTER}[\p{{M}}\u200d]*)(?={_LETTER})|(?<=\S)(?=[\p{{M}}\u200d])")
_GRAPHEME = regex.compile(r"\X")


def is_inside_word(text: str, edge: int) -> bool:
    """Whether this offset parts a word, or a letter from its combining mark."""
    return _INSIDE_WORD.match(text, edge) is not None


def character_edges(text: str) -> set[int] | None:
    """Where one character, as a reader sees it, ends and the next begins; None: everywhere."""
    if text.isascii() and "\r" not in text:
        return None
    return {0} | {match.end() for match in _GRAPHEME.finditer(text)}


def mended(text: str, start: int, end: int) -> tuple[int, int]:
    """The range that a mark of this range would get if it had been drawn by hand where words are spaced."""
    return grow_to_words(text, *bare_range(text, start, end))


def bare_range(text: str, start: int, end: int) -> tuple[int, int]:
    """The range without whitespace at its edges; empty where it has nothing else."""
    words = text[start:end]
    return start + len(words) - len(words.lstrip()), start + max(len(words.rstrip()), len(words) - len(words.lstrip()))


def grow_to_words(text: str, start: int, end: int) -> tuple[int, int]:
    """The range, grown where an edge lies within a word or between a letter and its combining mark."""
    while is_inside_word(text, start):
        start -= 1
    while is_inside_word(text, end):
        end += 1
    return start, end
