"""The source of the inline notation, cut at its parts: articles, header lines, marks in the text, stance lines.

What the labels and ids mean is told by `annotate/notation.py`, which see for the notation itself.
"""

import contextlib
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from .errors import RecordError

HEADER_KEYS = ("title", "outlet", "published", "url", "story", "language")
NAME = r"[^\s;,()=\[\]\\]+"  # of labels, roles and ids
_BLANKS = " \t\r"
_PARTING = re.compile(r"([ \t\r]*\n(?:[ \t\r]*\n)+[ \t\r]*)")  # between paragraphs
_TOKEN = re.compile(
    r"\\(?P<literal>[\[\]\\=-])"
    r"|(?P<wrap>[ \t\r]*\n[ \t\r]*)"
    r"|(?P<open>\[)"
    r"|\](?P<close>\([^()\[\]]*\))"
    r"|(?P<plain>[ \t\r]+|[^\\\[\] \t\r\n]+)"
    r"|(?P<wrong>.)"
)


class Block(NamedTuple):
    """The source of one article, cut at its parts; lines count from 1. What is wrong with it gathers in `faults`."""

    place: str
    id: str
    line: int
    header: dict[str, str]
    body: str
    body_line: int
    stances: list[tuple[int, str]]
    faults: list[RecordError]

    def fault(self, line: int, finding: str, remedy: str) -> RecordError:
        return RecordError(f"{self.place}:{line}: article '{self.id}'", finding, remedy)

    @contextlib.contextmanager
    def gathering(self) -> Iterator[None]:
        """A fault that is raised in here is kept, and the work goes on behind the block."""
        try:
            yield
        except RecordError as fault:
            self.faults.append(fault)

    def refuse_faults(self) -> None:
        """Raises the first fault so far, which knows the others."""
        if self.faults:
            first, *others = self.faults
            first.others = tuple(others)
            raise first


class Mark(NamedTuple):
    line: int
    start: int
    end: int
    label: str
    name: str | None
    links: tuple[tuple[str, str], ...]  # ROLE or attribute, and its value


def cut_source(text: str, place: str) -> Iterator[Block | RecordError]:
    """Cuts a source at its `===` lines; an article whose head is at fault is one, and those behind it still come."""
    lines = text.split("\n")
    starts = [number for number, line in enumerate(lines) if line.startswith("===")]
    for number, line in enumerate(lines[: starts[0] if starts else None], 1):
        if line.strip():
            yield RecordError(f"{place}:{number}", "has text before the first article", "begin an article with '=== its-id'")
            break
    else:
        if not starts:
            yield RecordError(place, "has no article", "begin an article with '=== its-id'")
    for start, end in pairwise([*starts, len(lines)]):
        try:
            yield _block(lines, start, end, place)
        except RecordError as fault:
            yield fault


def _block(lines: list[str], start: int, end: int, place: str) -> Block:
    article_id = lines[start].removeprefix("===").strip()
    if not article_id or article_id.startswith("="):
        raise RecordError(f"{place}:{start + 1}", "has '===' without an id", "write '=== its-id'")
    where = f"{place}:{{}}: article '{article_id}'"
    header: dict[str, str] = {}
    at = start + 1
    while at < end and lines[at].strip():
        key, colon, value = lines[at].partition(":")
        if not colon or key not in HEADER_KEYS:
            raise RecordError(
                where.format(at + 1),
                f"'{shorten(lines[at])}' is no header line",
                f"the header's keys are {', '.join(HEADER_KEYS)}, and a blank line comes before the body",
            )
        if key in header:
            raise RecordError(where.format(at + 1), f"has '{key}' twice", "keep one")
        if not value.strip():
            raise RecordError(where.format(at + 1), f"has an empty '{key}'", "give it a value or drop the line")
        header[key] = value.strip()
        at += 1
    while at < end and not lines[at].strip():
        at += 1
    rule = next((n for n in range(at, end) if lines[n].rstrip() == "---"), end)
    stances = [(n + 1, lines[n]) for n in range(rule + 1, end) if lines[n].strip()]
    body = "\n".join(lines[at:rule]).strip(_BLANKS + "\n")
    if not body:
        raise RecordError(where.format(start + 1), "has no body", "write its text after a blank line")
    return Block(place, article_id, start + 1, header, body, at + 1, stances, [])


def scan_body(block: Block) -> tuple[str, list[Mark]]:
    """The text without its marks, and the marks in the order in which they close.

    A bracket or backslash that is part of no mark is a fault of the block, the first one of each paragraph.
    """
    parts: list[str] = []
    marks: list[Mark] = []
    n_chars, line = 0, block.body_line
    for source in _PARTING.split(block.body):
        with block.gathering():
            text, found = ("\n\n", []) if _PARTING.fullmatch(source) else _scan_paragraph(block, source, line, n_chars)
            parts.append(text)
            marks += found
            n_chars += len(text)
        line += source.count("\n")
    return "".join(parts), marks


def _scan_paragraph(block: Block, source: str, line: int, n_chars: int) -> tuple[str, list[Mark]]:
    """line, n_chars: where the paragraph begins, in the file and in the text. Raises RecordError at the first fault."""
    parts: list[str] = []
    marks: list[Mark] = []
    opened: list[tuple[int, int]] = []  # where in the text, and in which line
    for token in _TOKEN.finditer(source):
        piece = ""
        match token.lastgroup:
            case "literal" | "plain":
                piece = token[token.lastgroup]
            case "wrap":
                piece = " "
            case "open":
                opened.append((n_chars, line))
            case "close":
                if not opened:
                    raise block.fault(line, f"has ']{token['close']}' without its '['", r"open it, or write '\]'")
                start, _ = opened.pop()
                marks.extend(_parse_marks(block, line, start, n_chars, token["close"][1:-1]))
            case _:
                raise _explain_wrong(block, line, source[token.start() :])
        parts.append(piece)
        n_chars += len(piece)
        line += token[0].count("\n")
    if opened:
        raise block.fault(opened[-1][1], "has '[' without its ']' in the paragraph", r"close it, or write '\['")
    return "".join(parts), marks


def _explain_wrong(block: Block, line: int, rest: str) -> RecordError:
    if rest.startswith("\\"):
        return block.fault(line, f"has a backslash before '{shorten(rest[1:2])}'", r"write '\\' for a backslash")
    if rest.startswith("]("):
        return block.fault(
            line, f"has '{shorten(rest)}', which is no mark", "write '](LABEL id ROLE=id)', and close it with ')'"
        )
    return block.fault(line, "has ']' without a label", r"write '](LABEL)', or '\]' for a bracket of the text")


def _parse_marks(block: Block, line: int, start: int, end: int, source: str) -> Iterator[Mark]:
    for part in source.split(";"):
        label, *words = part.split() or [""]
        name = words.pop(0) if words and "=" not in words[0] else None
        links = []
        for word in words:
            key, equals, value = word.partition("=")
            values = value.split(",")
            if not key or not equals or not all(re.fullmatch(NAME, v) for v in values):
                raise block.fault(
                    line, f"'{word}' in '({shorten(source)})' is not ROLE=id,id", "write no spaces around '=' and ','"
                )
            links += [(key, value) for value in values]
        if not re.fullmatch(NAME, label):
            raise block.fault(line, f"has a mark without a label: '({shorten(source)})'", "write '(LABEL)'")
        if name is not None and (name == "*" or not re.fullmatch(NAME, name)):
            raise block.fault(line, f"'{name}' cannot be an id", "write an id without '*', spaces and punctuation of marks")
        yield Mark(line, start, end, label, name, tuple(links))


def shorten(source: str) -> str:
    line = source.strip().split("\n")[0]
    return line if len(line) <= 40 else line[:40] + "…"


def escape(text: str) -> str:
    """Text in which no character is taken for a part of a mark."""
    return re.sub(r"[\[\]\\]", r"\\\g<0>", text)
