"""The shared network: the two of a pretrained base side by side, which have learnt different things."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import IDS, ORTH  # type: ignore[import-not-found]  # Cython, no types
from spacy.tokens import Doc
from spacy.util import registry
from spacy.vocab import Vocab
from thinc.api import ConfigValidationError, Model

Floats = NDArray[np.float32]
Network = Model[Any, Any]  # Any: from docs to a list of arrays (n_tokens, width), of thinc's types


@registry.architectures("copydesk.Encoder.v1")  # type: ignore[untyped-decorator]  # catalogue has no types
def make_encoder(entities: Network, grammar: Network, width: int) -> Network:
    """The vectors of two networks, one behind the other: (n_tokens, width) for each doc.

    entities: a Tok2Vec that has learnt to find entities. grammar: one that has learnt to tell parts of speech and
    dependencies. width: of both together, for those who listen; raises ConfigValidationError for any other.
    """
    own = entities.get_dim("nO") + grammar.get_dim("nO")
    if own != width:
        place = ("components", "tok2vec", "model", "width")
        raise ConfigValidationError(errors=[{"loc": place, "msg": f"is {width}, and the two networks have {own} together"}])
    refs: dict[str, Network | None] = {"entities": entities, "grammar": grammar}
    return Model("encoder", _forward, init=_initialize, layers=[entities, grammar], refs=refs, dims={"nO": width})


def _initialize(model: Network, X: Any = None, Y: Any = None) -> None:  # noqa: N803 (thinc's names)
    for network in model.layers:
        network.initialize(X=X)


def _forward(model: Network, docs: Sequence[Doc], is_train: bool) -> tuple[list[Floats], Callable[[Sequence[Floats]], Any]]:
    entities, grammar = model.layers
    if not is_train:
        columns = [column for layer in model.walk() if layer.name == "extract_features" for column in layer.attrs["columns"]]
        distinct = Distinct(docs, columns)
        return _side_by_side(model, [_read(network, distinct) for network in (entities, grammar)]), _nothing
    one, backprop_one = entities(docs, is_train)
    two, backprop_two = grammar(docs, is_train)
    width = entities.get_dim("nO")

    def backprop(d_vectors: Sequence[Floats]) -> Sequence[Doc]:
        as_contig: Any = model.ops.as_contig
        backprop_one([as_contig(d[:, :width]) for d in d_vectors])
        backprop_two([as_contig(d[:, width:]) for d in d_vectors])
        return docs

    return _side_by_side(model, [one, two]), backprop


def _side_by_side(model: Network, vectors: Sequence[Sequence[Floats]]) -> list[Floats]:
    xp: Any = model.ops.xp
    return [xp.hstack(pair) for pair in zip(*vectors, strict=True)]


def _nothing(d_vectors: Sequence[Floats]) -> Any:
    raise ValueError("nothing is learnt from a prediction")


class Distinct:
    """The different tokens of some docs, for layers that look at each alone: an article has each word three times.

    Stands for a doc where features are taken from one. columns: the attributes that will be asked for; those of
    vectors follow from the word.
    """

    def __init__(self, docs: Sequence[Doc], columns: Iterable[int | str]) -> None:
        self.docs = docs
        self.vocab: Vocab = docs[0].vocab
        all_columns = sorted({ORTH, *(IDS.get(column, column) for column in columns)})
        table = np.concatenate([doc.to_array(all_columns) for doc in docs])  # (n_tokens, n_columns)
        _, self.first, self.place = np.unique(_as_one(table), return_index=True, return_inverse=True)
        self.ends = np.cumsum([len(doc) for doc in docs])[:-1]

    def __len__(self) -> int:
        return len(self.first)

    def to_array(self, attributes: Any) -> NDArray[np.uint64]:
        """Any: an attribute's number, or a list of them, as in Doc.to_array."""
        whole: NDArray[np.uint64] = np.concatenate([doc.to_array(attributes) for doc in self.docs])
        return whole[self.first]


def _as_one(table: NDArray[np.uint64]) -> NDArray[np.void]:
    """Each row as a single value."""
    return np.ascontiguousarray(table).view(np.dtype((np.void, table.itemsize * table.shape[1]))).ravel()


def _read(network: Network, distinct: Distinct) -> list[Floats]:
    """What a Tok2Vec says of the docs, embedding each different token once where only attributes are embedded."""
    if any(layer.name == "charembed" for layer in network.walk()):
        return list(network.predict(distinct.docs))
    ops: Any = network.ops
    (embedded,) = network.get_ref("embed").predict([distinct])  # (n_distinct, width)
    whole = embedded[ops.asarray1i(distinct.place)]  # (n_tokens, width)
    return list(network.get_ref("encode").predict(ops.xp.split(whole, distinct.ends.tolist())))
