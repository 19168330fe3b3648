"""Faults in the user's data or settings, each said in one line: place, finding, remedy."""

_MAX_SHOWN = 400  # characters: ids, labels and names of files can have any length


def one_line(text: str) -> str:
    """The text as a terminal can show it: control characters and halves of characters as escapes, an endless one cut."""
    if len(text) > _MAX_SHOWN:
        text = f"{text[: _MAX_SHOWN - 100]} … {text[-100:]}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


class DataError(Exception):
    """A fault that the user can mend; anything else that is raised is a bug.

    place: file and line, article, setting or address where the fault is.
    finding: what is wrong there.
    remedy: what to do about it.
    """

    def __init__(self, place: str, finding: str, remedy: str) -> None:
        super().__init__(f"{one_line(place)}: {one_line(finding)}; {one_line(remedy)}")
        self.place, self.finding, self.remedy = place, finding, remedy


class SchemaError(DataError):
    """The label scheme cannot be used."""


class RecordError(DataError):
    """An article or its annotation cannot be used."""

    others: tuple["RecordError", ...] = ()  # further faults of the same article, for those who list them all


class AlignmentError(DataError):
    """Two versions of one text, or a text and its marks, do not belong together."""


class ServiceError(DataError):
    """A server, a package index or another program did not do what was asked of it."""
