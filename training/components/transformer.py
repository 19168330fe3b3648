"""A pretrained transformer as the shared network: on the graphics card where there is one, at a learning rate of its own."""

from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import Any

from spacy.util import registry
from thinc.api import Model, Optimizer, PyTorchShim
from thinc.types import ArgsKwargs

Encoder = Model[Any, Any]  # Any here and below: what torch computes with, which is not installed everywhere


@registry.architectures("copydesk.Transformer.v1")  # type: ignore[untyped-decorator]  # catalogue has no types
def make_transformer(encoder: Encoder, learn_rate_scale: float, freeze_embeddings: bool) -> Encoder:
    """The given model of spacy-curated-transformers, changed in place.

    learn_rate_scale: what the learning rate of the pipeline is multiplied by for the pretrained weights.
    freeze_embeddings: keep the vectors of the word pieces, which are half of a small transformer, as they are.
    """
    wrapper = encoder.get_ref("transformer")
    network = wrapper.shims[0]._model
    if freeze_embeddings:
        for name, weights in network.named_parameters():
            if ".embeddings." in name:
                weights.requires_grad_(False)
    wrapper.shims[0] = TransformerShim(network, learn_rate_scale=learn_rate_scale)
    return encoder


def device_name() -> str:
    """Where torch computes: "cuda" where it finds a card (CUDA_VISIBLE_DEVICES hides one), else "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


class TransformerShim(PyTorchShim):
    """Keeps the weights in main memory, where everything else of the pipeline is, and lends copies to the graphics card.

    So neither the other components nor the optimizer, the checkpoints or the saved model know of a card.
    """

    def __init__(self, model: Any, *, learn_rate_scale: float) -> None:
        super().__init__(model)
        self.learn_rate_scale = learn_rate_scale
        self._lent: dict[str, Any] = {}  # copies of the weights, while they do not change

    def predict(self, inputs: ArgsKwargs) -> Any:
        import torch

        self._model.eval()
        with torch.no_grad():
            output = self._run(inputs, self._lent)
        self._model.train()
        return output

    def begin_update(self, inputs: ArgsKwargs) -> tuple[Any, Callable[[ArgsKwargs], ArgsKwargs]]:
        import torch

        self._model.train()
        self._lent.clear()
        output = self._run(inputs, {})

        def backprop(gradients: ArgsKwargs) -> ArgsKwargs:
            torch.autograd.backward(*gradients.args, **gradients.kwargs)
            return inputs  # nothing learns from the gradient of piece numbers

        return output, backprop

    def finish_update(self, optimizer: Optimizer) -> None:
        self._lent.clear()
        super().finish_update(partial(optimizer, lr_scale=self.learn_rate_scale))  # type: ignore[arg-type]

    def from_bytes(self, bytes_data: bytes) -> "TransformerShim":
        self._lent.clear()
        super().from_bytes(bytes_data)  # type: ignore[no-untyped-call]
        return self

    def _run(self, inputs: ArgsKwargs, lent: dict[str, Any]) -> Any:
        """The network's output for whole windows of piece numbers, in main memory; fills `lent` where it is empty."""
        where = device_name()
        if where == "cpu":
            return self._model(*inputs.args, **inputs.kwargs)
        return run_on(where, self._model, inputs.args, lent)


def run_on(device: str, network: Any, inputs: tuple[Any, ...], lent: dict[str, Any]) -> Any:
    """The network's output with copies of its weights on the device; gradients find their way back to the weights."""
    from curated_transformers.models.output import PyTorchTransformerOutput
    from torch.func import functional_call

    if not lent:
        lent.update((name, t.to(device)) for name, t in chain(network.named_parameters(), network.named_buffers()))
    output = functional_call(network, lent, tuple(t.to(device) for t in inputs))
    embedded, *layers = (t.cpu() for t in output.all_outputs)
    return PyTorchTransformerOutput(embedding_output=embedded, layer_hidden_states=layers)
