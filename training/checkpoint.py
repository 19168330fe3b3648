"""The state of a training run between two steps, in one file, from which another process goes on byte for byte."""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from thinc.api import Model, Optimizer, get_current_ops
from thinc.compat import has_torch

from annotate.errors import DataError
from annotate.outputs import whole_file

NAME = "checkpoint.npz"
_STATE = "state"
_MOMENTS = ("mom1", "mom2", "averages")  # the optimizer's own names of its arrays

Arrays = dict[str, NDArray[Any]]  # Any: of any type of number
Key = tuple[int, str]  # thinc's of a parameter: it counts the networks that this process has made
Place = tuple[str, str]  # where any process finds it: component/number of the layer in it, name
PythonState = tuple[int, tuple[int, ...], float | None]  # what random.getstate gives


class Trained(NamedTuple):
    """What a step changes.

    n_strings: how many strings the vocabulary had before the first one.
    """

    nlp: Language
    optimizer: Optimizer
    n_strings: int


def write_checkpoint(path: Path, trained: Trained, plain: Mapping[str, Any], shuffles: Sequence[PythonState]) -> None:
    """Puts the state into one file, which is replaced in one step.

    Held are weights, gradients, the optimizer's moments and averages, the strings met since the start, the random
    states of Python, numpy and torch's CPU (not that of a GPU), `plain` as JSON, and Python's random state before each
    shuffle. Any: plain JSON.
    """
    nlp, optimizer, n_strings = trained
    places = _Places(nlp)
    arrays: Arrays = {f"model/{name}": _bytes(model.to_bytes()) for name, model in _models(nlp)}
    by_kind: dict[str, Mapping[Key, Any]] = {kind: getattr(optimizer, kind) or {} for kind in _MOMENTS}
    by_kind["gradients"] = places.gradients()  # zeros, mostly; but the optimizer passes over what never had one
    for kind, values in by_kind.items():
        arrays |= {f"{kind}/{i}": _on_cpu(value) for i, value in enumerate(values.values())}
    state = {
        "plain": plain,
        "places": {kind: [places.of(key) for key in values] for kind, values in by_kind.items()},
        "n_updates": [[*places.of(key), n] for key, n in optimizer.nr_update.items()],
        "radam": optimizer._radam_buffer,
        "strings": list(islice(nlp.vocab.strings, n_strings, None)),
        "python": random.getstate(),
        "numpy": [part.tolist() if isinstance(part, np.ndarray) else part for part in np.random.get_state()],
    }
    arrays["shuffles"] = np.array([words for _, words, _ in shuffles], dtype=np.uint32)
    if has_torch:
        import torch

        arrays["torch"] = torch.get_rng_state().numpy()
    arrays[_STATE] = _bytes(json.dumps(state).encode())
    with whole_file(path, force=True) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # its stubs take a name for an option


class Checkpoint:
    """A state on disk. Raises DataError where the file is no such thing."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = np.load(path, allow_pickle=False)
            self._state = json.loads(self._file[_STATE].tobytes())
        except (OSError, ValueError, KeyError, BadZipFile) as err:
            raise DataError(str(path), "is no checkpoint", "begin anew, without --resume") from err
        self.plain: dict[str, Any] = self._state["plain"]  # Any: plain JSON

    @property
    def shuffles(self) -> list[PythonState]:
        """Python's random state before each shuffle so far."""
        version = self._state["python"][0]  # of the generator; a shuffle changes the words only
        return [(version, tuple(words), None) for words in self._file["shuffles"].tolist()]

    def restore(self, nlp: Language, optimizer: Optimizer) -> None:
        """Puts everything but the random states into a pipeline that was just initialized with the same config."""
        for text in self._state["strings"]:
            nlp.vocab.strings.add(text)
        for name, model in _models(nlp):
            model.from_bytes(self._file[f"model/{name}"].tobytes())
        places = _Places(nlp)
        for kind in _MOMENTS:
            if getattr(optimizer, kind) is not None:
                setattr(optimizer, kind, dict(self._arrays(kind, places)))
        for part, name, n in self._state["n_updates"]:
            optimizer.nr_update[places.key((part, name))] = n
        optimizer._radam_buffer = self._state["radam"]
        for (number, name), gradient in self._arrays("gradients", places):
            places.layers[number].set_grad(name, gradient)

    def restore_random_states(self) -> None:
        version, words, gauss = self._state["python"]
        random.setstate((version, tuple(words), gauss))
        kind, keys, *rest = self._state["numpy"]
        np.random.set_state((kind, np.array(keys, dtype=np.uint32), *rest))
        if has_torch:
            import torch

            torch.set_rng_state(torch.from_numpy(self._file["torch"]))

    def _arrays(self, kind: str, places: "_Places") -> Iterator[tuple[Key, Any]]:
        for i, (part, name) in enumerate(self._state["places"][kind]):
            key = places.key((part, name))
            yield key, places.ops.asarray(self._file[f"{kind}/{i}"])


class _Places:
    """The parameters of a pipeline, by thinc's key and by place. Torch's modules hang in layers, as "shims"."""

    def __init__(self, nlp: Language) -> None:
        self.layers: dict[int, Model[Any, Any]] = {}
        self._numbers: dict[str, int] = {}
        self._parts: dict[int, str] = {}
        self._shims: dict[int, str] = {}
        self.ops = get_current_ops()
        for pipe, model in _models(nlp):
            for i, layer in enumerate(model.walk()):
                self.layers[layer.id] = layer
                self._parts[layer.id] = f"{pipe}/{i}"
                self._shims |= {shim.id: f"{pipe}/{i}.{j}" for j, shim in enumerate(layer.shims)}
        for names in (self._parts, self._shims):
            self._numbers |= {part: number for number, part in names.items()}

    def of(self, key: Key) -> Place:
        number, name = key
        if number in self.layers and name in self.layers[number].param_names:
            return self._parts[number], name
        return self._shims[number], name

    def key(self, place: Place) -> Key:
        part, name = place
        return self._numbers[part], name

    def gradients(self) -> dict[Key, Any]:
        return {
            (number, name): layer.get_grad(name)
            for number, layer in self.layers.items()
            for name in layer.param_names
            if layer.has_grad(name)
        }


def _models(nlp: Language) -> Iterator[tuple[str, Model[Any, Any]]]:
    """Name and network of every component that has one. Any: of what it takes and gives."""
    for name, pipe in nlp.pipeline:
        model = getattr(pipe, "model", None)
        if isinstance(model, Model):
            yield name, model


def _on_cpu(value: Any) -> NDArray[Any]:
    """Any: an array of numpy's or of a GPU's."""
    array: NDArray[Any] = value if isinstance(value, np.ndarray) else value.get()
    return array


def _bytes(content: bytes) -> NDArray[Any]:
    return np.frombuffer(content, dtype=np.uint8)
