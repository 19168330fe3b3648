"""How a pipeline is loaded so that it reads fast: with numpy's own matrix product, and a tokenizer whose time grows with the
text, where spaCy's own grows with the square of a stretch without white space."""

import re
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from spacy.language import Language
from spacy.tokenizer import Tokenizer  # type: ignore[import-not-found]  # compiled, without types
from spacy.tokens import Doc
from thinc.api import get_current_ops, use_ops

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


def fast_ops() -> AbstractContextManager[None]:
    """Networks made within compute with numpy's own matrix product, which takes 60 % of the time of thinc's for networks of
    this size; they keep it afterwards. On a graphics card, or where thinc has a product of the machine's own, nothing changes.
    """
    return use_ops("numpy", use_blis=False) if get_current_ops().name == "numpy" else nullcontext()
