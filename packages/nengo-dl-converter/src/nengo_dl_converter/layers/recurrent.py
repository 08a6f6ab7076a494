"""Recurrent layers, step by step in temporal models."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np
from nengo.base import NengoObject
from nengo.neurons import NeuronType

from ..conversion import Conversion
from ..keras_graph import Call
from ..layer_converter import LayerConverter, regularized
from ..registry import registry
from .fallback import add_tensor_node


@registry.register(
    keras.layers.RNN,
    keras.layers.GRU,
    keras.layers.LSTM,
    keras.layers.ConvLSTM1D,
    keras.layers.ConvLSTM2D,
    keras.layers.ConvLSTM3D,
)
class ConvertRNN(LayerConverter):
    """Convert recurrent layers to a TensorNode of the cell, with its state around it.

    The cell computes the output and the next state from an input and a state.
    Connections lead the state back to the cell, one step later. So it is part of the
    state of a simulation, and starts from zero.
    """

    unsupported_args = (
        ("return_sequences", True),
        ("return_state", False),
        ("stateful", False),
        ("go_backwards", False),
    )
    unsupported_training_args = (
        *regularized("kernel", "recurrent", "bias"),
        ("dropout", 0),
        ("recurrent_dropout", 0),
    )
    needs_time = True
    has_memory = True

    @classmethod
    def obstacle(cls, layer: Any, converter: Conversion) -> str | None:
        obstacle = super().obstacle(layer, converter)
        native = cls.is_native(layer, converter)
        if obstacle is None and not native and not converter.allow_fallback:
            return "its cell has to be a TensorNode (see allow_fallback)"
        states = keras.tree.flatten(layer.get_initial_state(batch_size=1))
        if obstacle is None and any(np.any(state) for state in states):
            return "its state does not start from zero"
        return obstacle

    @classmethod
    def is_native(cls, layer: Any, converter: Conversion) -> bool:
        """Tell whether neurons compute the cell."""
        return False

    @classmethod
    def obstacle_in_time(cls, call: Call) -> str | None:
        if len(call.inputs) > 1:
            return "is given an initial state or a mask, which is of all the steps"
        if not call.layer.return_sequences:
            return "returns the last (see return_sequences) of all the steps"
        return super().obstacle_in_time(call)

    def convert(self, node_id: int) -> NengoObject:
        populations = self.converter.populations
        warnings.warn(
            f"The cell of layer {self.layer.name!r} becomes a TensorNode: there are no "
            "neurons that compute it",
            stacklevel=2,
        )
        cell = self._cell_call(node_id)
        states = [populations.add(shape) for shape in cell.input_shapes[1:]]
        output, *updated = add_tensor_node(
            self.converter, cell, [self.get_input_obj(node_id), *states]
        )
        for state, later in zip(states, updated, strict=True):
            # a synapse of 0 is a delay of one step
            populations.connect(later, state, synapse=0)
        return output

    def _cell_call(self, node_id: int) -> Call:
        """Return a call of the cell: from an input and a state to output and state."""
        (sequence,), (outputs,) = (
            self.calls[node_id].inputs,
            self.calls[node_id].outputs,
        )

        def like(value: Any, shape: tuple[int, ...]) -> keras.KerasTensor:
            return keras.KerasTensor((None, *shape), value.dtype)

        states = keras.tree.map_structure(
            lambda state: like(state, tuple(state.shape)[1:]),
            self.layer.get_initial_state(batch_size=1),
        )
        return Call(
            self.layer.cell,
            (like(sequence, tuple(sequence.shape)[2:]), states),
            {"training": False} if self._drops() else {},
            (like(outputs, tuple(outputs.shape)[2:]), *keras.tree.flatten(states)),
        )

    def _drops(self) -> bool:
        """Tell whether the layer has dropout, which is left out for inference_only."""
        rates = (
            getattr(self.layer, f"{kind}dropout", 0) for kind in ("", "recurrent_")
        )
        return any(rates)


@registry.register(keras.layers.SimpleRNN)
class ConvertSimpleRNN(ConvertRNN):
    """Convert `keras.layers.SimpleRNN` to neurons with recurrent connections.

    If no neurons compute its activation function, it is converted as other recurrent
    layers are.
    """

    has_weights = True

    @classmethod
    def is_native(cls, layer: Any, converter: Conversion) -> bool:
        activation = converter.activations[layer.activation]
        return activation is None or isinstance(activation, NeuronType)

    def convert(self, node_id: int) -> NengoObject:
        layer, cell = self.layer, self.layer.cell
        if not self.is_native(layer, self.converter):
            return super().convert(node_id)
        output = self.add_nengo_obj(
            node_id,
            biases=cell.bias.numpy() if cell.use_bias else None,
            activation=layer.activation,
        )
        self.add_connection(
            node_id, output, transform=cell.kernel.numpy().T, trainable=True
        )
        synapse = self.converter.populations.output_synapse(output)
        self.converter.populations.connect(
            output,
            output,
            trainable=layer.trainable,
            transform=cell.recurrent_kernel.numpy().T,
            synapse=0 if synapse is None else synapse,  # one step later in either case
        )
        return output
