"""A shortcut that leaves no trace and changes no byte."""

import numpy as np
import pytest
import srsly
from srsly.msgpack import msgpack_encoders

from training.packing import codecs_found_once


def test_packing_gives_the_same_bytes_inside_the_block() -> None:
    plain = {"a": np.arange(3), "b": [1, "two"]}
    outside = srsly.msgpack_dumps(plain)
    with codecs_found_once():
        assert srsly.msgpack_dumps(plain) == outside
        assert srsly.msgpack_loads(outside)["b"] == [1, "two"]


def test_the_registries_are_as_before_afterwards() -> None:
    with pytest.raises(RuntimeError), codecs_found_once():
        assert "get_all" in vars(msgpack_encoders)
        raise RuntimeError
    assert "get_all" not in vars(msgpack_encoders)
