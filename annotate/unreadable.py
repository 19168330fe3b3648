"""Why a line is no article, in clear lines."""

import json

from pydantic import ValidationError

from .errors import RecordError


def explain(err: ValidationError, line: bytes, place: str) -> list[RecordError]:
    """Clear lines out of pydantic's report, one for each fault of the article."""
    errors = err.errors(include_url=False, include_context=False, include_input=False)
    unreadable = _explain_unreadable(errors[0]["type"], errors[0]["msg"], line, place)
    if unreadable is not None:
        return [unreadable]
    article_id = _id_of(line)
    if article_id is not None:
        place = f"{place}: article '{article_id}'"
    explained = []
    for error in errors:
        where = ".".join(str(part) for part in error["loc"])
        message = error["msg"].removeprefix("Value error, ")
        if error["type"] == "missing":
            explained.append(RecordError(place, f"has no '{where}'", "add it"))
        else:
            explained.append(RecordError(place, f"{where}: {message}" if where else message, "correct it"))
    return explained


def _explain_unreadable(kind: str, message: str, line: bytes, place: str) -> RecordError | None:
    """Why a line is no JSON at all; None where it is."""
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as wrong:
        return RecordError(place, f"is not UTF-8 (byte {wrong.start + 1})", "save the file as UTF-8")
    if kind != "json_invalid":
        return None
    finding = message.removeprefix("Invalid JSON: ")
    if "surrogate" in finding or "hex escape" in finding:
        return RecordError(place, "has half a character (a lone surrogate)", "export the text again as UTF-8")
    if "EOF" in finding:
        return RecordError(place, f"is cut off ({finding})", "the file is incomplete: copy or export it again")
    return RecordError(place, f"is not JSON ({finding})", "write one JSON object per line")


def _id_of(line: bytes) -> str | None:
    try:
        plain = json.loads(line)
    except ValueError:
        return None
    found = plain.get("id") if isinstance(plain, dict) else None
    return found if isinstance(found, str) else None
