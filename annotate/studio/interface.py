"""The labelling page that a scheme asks for: Label Studio's labelling XML and the instructions beside it."""

import colorsys
import re
import string
from collections.abc import Iterable, Iterator
from html import escape
from xml.sax.saxutils import quoteattr

from ..errors import SchemaError
from ..schema import Schema

TEXT = "text"
ENTITY = "entity"
EVENT = "event"
ARTICLE_STANCE = "article_stance"
UNSPACED_LANGUAGES = frozenset({"zh", "ja", "ko", "th", "lo", "km", "my"})

_DIGITS = "1234567890"
_LETTERS = "".join(c for c in string.ascii_lowercase if c != "u")  # the page takes u to unselect a region
_MIN_CONTRAST = 4.5  # of white letters on a label's colour: WCAG 2.2, success criterion 1.4.3
_STYLE = """
    .desk-bar { position: sticky; top: 0; z-index: 20; background: var(--color-neutral-background, #fff); padding: 4px 8px; border-bottom: 1px solid #ccc; }
    .desk-bar .lsf-labels { margin: 2px 0; }
    .desk-text { max-width: 1000px; }
    .desk-text .lsf-htx-richtext { font-size: 16px; line-height: 2.8 !important; }
    .desk-choices { position: sticky; bottom: 0; z-index: 20; background: var(--color-neutral-background, #fff); padding: 4px 8px; }
"""  # noqa: E501  # one rule a line reads best; the line height keeps relation arrows off the text


def to_label_config(schema: Schema) -> str:
    """The labelling XML of the scheme: labels, relations, choices per region, hotkeys, colours.

    Raises SchemaError where a label has a `$`, which the page would read as a variable, or a character XML cannot hold.
    """
    _refuse_unshowable(schema)
    keys = hotkeys(schema)
    labels = [*_labels(ENTITY, schema.entities, keys, 0), *_labels(EVENT, schema.events, keys, len(schema.entities))]
    lines = [
        '<View className="desk">',
        f"  <Style>{_STYLE}  </Style>",
        '  <View className="desk-bar">',
        *(f"    {line}" for line in labels),
        "  </View>",
        *(f"  {line}" for line in _relations(schema)),
        '  <Header value="$title" size="4"/>',
        '  <View className="desk-text">',
        f'    <Text name="{TEXT}" value="$text" granularity="symbol" showLabels="true"/>',
        "  </View>",
        *(f"  {line}" for line in _choices(schema, keys)),
        "</View>",
    ]
    return "\n".join(lines) + "\n"


def to_instructions(schema: Schema) -> str:
    """The annotators' instructions as HTML: what each label means, its key, and how relations are drawn."""
    keys = hotkeys(schema)
    parts = [f"<h2>{escape(schema.name)}</h2>", _how_to_start(schema)]
    if schema.entities:
        parts.append(_table("Mentions", ((key_of(keys, ENTITY, k), k, v) for k, v in schema.entities.items())))
    if schema.events:
        parts.append(_table("Events", ((key_of(keys, EVENT, k), k, v) for k, v in schema.events.items())))
    for control, name in attribute_controls(schema).items():
        attribute = schema.attributes[name]
        rows = ((key_of(keys, control, k), k, v) for k, v in attribute.values.items())
        note = f"{attribute.definition} Select the event and choose; without a choice it is {attribute.default}."
        parts.append(_table(name.capitalize(), rows, note))
    if schema.roles:
        note = "Relations from the event to a mention."
        parts.append(_table("Roles", (("", k, _fillers(schema, k)) for k in schema.roles), note))
    if schema.stances.labels:
        note = (
            "Relations from the one who holds the stance to what it is about. The stance of the article itself is a choice "
            "on what it is about: select that mention or event and choose."
        )
        rows = ((key_of(keys, ARTICLE_STANCE, k), k, v) for k, v in schema.stances.labels.items())
        parts.append(_table("Stances", rows, note))
    return "\n".join(parts) + "\n"


def attribute_controls(schema: Schema) -> dict[str, str]:
    """The name of each attribute's control on the page -> the attribute."""
    taken = {TEXT, ENTITY, EVENT, ARTICLE_STANCE}
    controls = {}
    for number, name in enumerate(schema.attributes, 1):
        is_plain = re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) and name not in taken
        controls[name if is_plain else f"attribute-{number}"] = name
    return controls


def hotkeys(schema: Schema) -> dict[tuple[str, str], str]:
    """(control, label) -> key, for as many labels as there are keys.

    Entities get digits in their order, other labels a letter of their name where one is free. A label that is left
    without a key gets none from the page either, because no digit is left then.
    """
    wanted = [(ENTITY, label) for label in schema.entities] + [(EVENT, label) for label in schema.events]
    wanted += [(control, v) for control, name in attribute_controls(schema).items() for v in schema.attributes[name].values]
    wanted += [(ARTICLE_STANCE, label) for label in schema.stances.labels]
    free = list(_DIGITS + _LETTERS)
    keys = {}
    for place, (control, label) in enumerate(wanted):
        by_digit = control == ENTITY and place < len(_DIGITS)
        letters = () if by_digit else (c for c in label.lower() if c in free and c in _LETTERS)
        key = next(iter(letters), None) or (
            free[0] if by_digit or not free else next((k for k in free if k in _LETTERS), free[0])
        )
        free.remove(key)
        keys[control, label] = key
        if not free:
            break
    return keys


def key_of(keys: dict[tuple[str, str], str], control: str, label: str) -> str:
    """The key of a label, empty where it has none."""
    return keys.get((control, label), "")


def has_spaced_words(schema: Schema) -> bool:
    """Whether marks that cut a word are grown to the whole word when they come back.

    The page itself always marks by character: by word it takes the possessive ending and the bracket after a name too, and
    nobody can leave them out.
    """
    return schema.language.lower().replace("_", "-").split("-")[0] not in UNSPACED_LANGUAGES


def colour(place: int) -> str:
    """The colour of the label at this place of the scheme: hues far apart, dark enough for white letters."""
    hue = place * 0.618034 % 1.0  # steps of the golden ratio: neighbours never look alike
    lightness = 0.6
    while _contrast_with_white(rgb := colorsys.hls_to_rgb(hue, lightness, 0.65)) < _MIN_CONTRAST:
        lightness -= 0.02
    return "#" + "".join(f"{round(channel * 255):02x}" for channel in rgb)


def _contrast_with_white(rgb: tuple[float, float, float]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)


def _labels(control: str, labels: dict[str, str], keys: dict[tuple[str, str], str], first_place: int) -> Iterator[str]:
    if not labels:
        return
    yield f'<Labels name="{control}" toName="{TEXT}" choice="single" showInline="true">'
    for place, (label, definition) in enumerate(labels.items(), first_place):
        options = {"background": colour(place), "hint": definition}
        yield f"  {_element('Label', label, key_of(keys, control, label), options)}"
    yield "</Labels>"


def _relations(schema: Schema) -> Iterator[str]:
    names = [*schema.roles, *schema.stances.labels]
    if names:
        yield "<Relations>"  # several names fit one relation: a mention in two roles
        yield from (f"  {_element('Relation', name)}" for name in names)
        yield "</Relations>"


def _choices(schema: Schema, keys: dict[tuple[str, str], str]) -> Iterator[str]:
    """Choices that belong to the selected region: attributes of an event, the article's own stance on it."""
    blocks: list[str] = []
    if schema.events:
        for control, name in attribute_controls(schema).items():
            values = schema.attributes[name].values
            blocks += _choice_block(control, name, values, keys, f' whenTagName="{EVENT}"')
    if schema.stances.labels:
        blocks += _choice_block(ARTICLE_STANCE, "the article itself is", schema.stances.labels, keys, "")
    if blocks:
        yield '<View className="desk-choices">'
        yield from (f"  {line}" for line in blocks)
        yield "</View>"


def _choice_block(
    control: str, heading: str, values: dict[str, str], keys: dict[tuple[str, str], str], condition: str
) -> Iterator[str]:
    when = f'visibleWhen="region-selected"{condition}'
    yield f'<View {when}><Header value={_quoted(heading)} size="5"/></View>'
    yield f'<Choices name="{control}" toName="{TEXT}" perRegion="true" {when} choice="single" showInline="true">'
    for value, definition in values.items():
        yield f"  {_element('Choice', value, key_of(keys, control, value), {'hint': definition})}"
    yield "</Choices>"


def _element(tag: str, value: str, key: str = "", options: dict[str, str] | None = None) -> str:
    written = {"value": value} | ({"hotkey": key} if key else {}) | (options or {})
    return f"<{tag} " + " ".join(f"{name}={_quoted(content)}" for name, content in written.items()) + "/>"


def _quoted(content: str) -> str:
    """An XML attribute's value; what XML cannot hold (control characters in a definition) becomes a space."""
    return quoteattr("".join(c if c.isprintable() else " " for c in content))


def _refuse_unshowable(schema: Schema) -> None:
    for label in (
        *schema.entities,
        *schema.events,
        *schema.roles,
        *schema.stances.labels,
        *schema.attributes,
        *(value for attribute in schema.attributes.values() for value in attribute.values),
    ):
        if "$" in label:
            raise SchemaError(f"scheme '{schema.name}'", f"label '{label}' has a $, a variable to Label Studio", "rename it")
        if not label.isprintable():
            raise SchemaError(f"scheme '{schema.name}'", f"label {label!r} has a character that cannot be shown", "rename it")


def _how_to_start(schema: Schema) -> str:
    steps = [
        "Open the project and click <b>Label All Tasks</b>: opened from the list, an article may show a colleague's marks."
    ]
    if schema.entities or schema.events:
        steps.append("Press a label's key, then double-click a word or drag over several. <kbd>Backspace</kbd> removes a mark.")
    if schema.roles or schema.stances.labels:
        steps.append(
            "To relate two marks, click the first, press <kbd>Alt+R</kbd>, click the second; then open the Relations tab and "
            "choose the name. Two names fit one relation."
            + (" A role may stay unnamed where only one is possible." if schema.roles else "")
        )
    steps.append("<kbd>Ctrl+Enter</kbd> submits; an article with nothing to mark is submitted empty. Skip what cannot be read.")
    return "<ol>\n" + "\n".join(f"<li>{step}</li>" for step in steps) + "\n</ol>"


def _fillers(schema: Schema, role: str) -> str:
    known = schema.roles[role]
    events = f" in {', '.join(known.events)}" if known.events else ""
    return f"{known.definition} ({', '.join(known.entities)}{events})"


def _table(title: str, rows: Iterable[tuple[str, str, str]], note: str = "") -> str:
    lines = [f"<h3>{escape(title)}</h3>"]
    if note:
        lines.append(f"<p>{escape(note)}</p>")
    lines.append("<table>")
    for key, label, definition in rows:
        mark = f"<kbd>{escape(key)}</kbd>" if key else ""
        lines.append(f"<tr><td>{mark}</td><td><b>{escape(label)}</b></td><td>{escape(definition)}</td></tr>")
    lines.append("</table>")
    return "\n".join(lines)
