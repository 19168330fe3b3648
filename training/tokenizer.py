"""spaCy's tokenizer in time that grows with the text: its own grows with the square of a stretch without white space."""

import re
from typing import Any

from spacy.language import Language
from spacy.tokenizer import Tokenizer  # type: ignore[import-not-found]  # compiled, without types
from spacy.tokens import Doc

MAX_RUN_CHARS = 500  # a longer stretch without white space is no prose, and no address
PIECE_CHARS = 100  # what such a stretch is cut into

_LONG_RUN = re.compile(rf"(?<!\S)\S{{{MAX_RUN_CHARS + 1},}}")


class BoundedTokenizer(Tokenizer):  # type: ignore[misc]  # compiled, without types
    """Cuts like spaCy's own, but stretches of more than MAX_RUN_CHARS characters without white space piece by piece.

    The Doc's text is the given one, character by character. On disk it is spaCy's own.
    """

    def __call__(self, text: str) -> Doc:
        cuts = [cut for run in _LONG_RUN.finditer(text) for cut in range(run.start(), run.end(), PIECE_CHARS)]
        if not cuts:
            doc: Doc = super().__call__(text)
            return doc
        bounds = zip([0, *cuts], [*cuts, len(text)], strict=True)
        pieces = [super(BoundedTokenizer, self).__call__(text[start:end]) for start, end in bounds if start < end]
        whole: Doc = Doc.from_docs(pieces, ensure_whitespace=False)
        return whole


def bound_tokenizer(nlp: Language) -> Language:
    """The pipeline, with a bounded tokenizer where it had spaCy's own; those of scripts without spaces stay."""
    own: Any = nlp.tokenizer  # Any: compiled, without types
    if type(own) is Tokenizer:
        nlp.tokenizer = BoundedTokenizer(
            own.vocab,
            own.rules,
            own.prefix_search,
            own.suffix_search,
            own.infix_finditer,
            own.token_match,
            own.url_match,
            faster_heuristics=own.faster_heuristics,
        )
    return nlp
