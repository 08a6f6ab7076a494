"""The layers of KerasSpiking, working under Keras 3.

KerasSpiking's layers put its cells into `keras.layers.RNN`, with arguments and sizes
that Keras 3 does not take. Its cells are sound. The subclasses here hand them to
`keras.layers.RNN` in the way of Keras 3; parameters, weights and what is computed are
KerasSpiking's own.

This module needs the extra ``nengo-dl-converter[spiking]``. Importing it registers the
layers with the `Converter`.

Examples
--------
>>> import keras
>>> from nengo_dl_converter import Converter
>>> from nengo_dl_converter.spiking import Lowpass, SpikingActivation
>>> x = keras.Input((None, 4))
>>> spikes = SpikingActivation("relu")(keras.layers.Dense(3)(x))
>>> model = keras.Model(x, Lowpass(0.01)(spikes))
>>> net = Converter(model, temporal_model=True, inference_only=True).net
"""

from __future__ import annotations

import math
from typing import Any

import keras
import keras_spiking

from .layers.keras_spiking import ConvertLowpassAlpha, ConvertSpikingActivation
from .registry import registry

__all__ = ["Alpha", "Lowpass", "SpikingActivation"]


class FlatCell(keras.layers.Layer):
    """A cell of KerasSpiking, with inputs and state as `keras.layers.RNN` has them.

    Parameters
    ----------
    cell : keras_spiking.layers.KerasSpikingCell
        The cell.
    shape : tuple of int
        Shape of its inputs, without batch and time.
    """

    def __init__(self, cell: Any, shape: tuple[int, ...]) -> None:
        super().__init__(dtype=cell.dtype_policy)
        self.cell = cell
        self.input_size = shape
        self.state_size = math.prod(cell.state_size)
        self.output_size = math.prod(shape)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Build the cell.

        Parameters
        ----------
        input_shape : tuple of int
            Shape of a step's flat input, ``(batch_size, size)``.
        """
        self.cell.build((input_shape[0], *self.input_size))

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """Return the flat initial state, ``(batch_size, state_size)``, in a list."""
        state = self.cell.get_initial_state(
            batch_size=batch_size, dtype=self.compute_dtype
        )
        return [keras.ops.reshape(state, (-1, self.state_size))]

    def call(self, inputs: Any, states: Any, training: bool | None = None) -> Any:
        """Compute a step.

        Parameters
        ----------
        inputs : tf.Tensor
            Shape ``(batch_size, size)``.
        states : list of tf.Tensor
            Shape ``(batch_size, state_size)``.
        training : bool, optional
            Whether to compute what is for training.

        Returns
        -------
        output : tf.Tensor
            Shape ``(batch_size, size)``.
        states : list of tf.Tensor
            Shape ``(batch_size, state_size)``.
        """
        output, state = self.cell.call(
            keras.ops.reshape(inputs, (-1, *self.input_size)),
            (keras.ops.reshape(states[0], (-1, *self.cell.state_size)),),
            training=False if training is None else training,
        )
        state = state[0] if isinstance(state, (list, tuple)) else state
        return (
            keras.ops.reshape(output, (-1, self.output_size)),
            [keras.ops.reshape(state, (-1, self.state_size))],
        )


class OnKeras3:
    """Makes a layer of KerasSpiking work under Keras 3; comes before it as a base."""

    def build(self: Any, input_shape: tuple[Any, ...]) -> None:
        """Make the recurrent layer.

        Parameters
        ----------
        input_shape : tuple of int
            Shape of the inputs, ``(batch_size, n_steps, ...)``.
        """
        shape = tuple(input_shape[2:])
        self.rnn = keras.layers.RNN(
            FlatCell(self.build_cell(input_shape), shape),
            return_sequences=self.return_sequences,
            return_state=self.return_state,
            stateful=self.stateful,
            unroll=self.unroll,
        )
        batch_size, n_steps = input_shape[:2][:: -1 if self.time_major else 1]
        self.rnn.build((batch_size, n_steps, math.prod(shape)))
        self.built = True

    def call(
        self: Any, inputs: Any, initial_state: Any = None, training: bool | None = None
    ) -> Any:
        """Compute all steps.

        Parameters
        ----------
        inputs : tf.Tensor
            Shape ``(batch_size, n_steps, ...)``, or ``(n_steps, batch_size, ...)`` if
            ``time_major``.
        initial_state : list of tf.Tensor, optional
            State to start from, in a list.
        training : bool, optional
            Whether to compute what is for training.

        Returns
        -------
        outputs : tf.Tensor or list of tf.Tensor
            Of the shape of the inputs, without ``n_steps`` unless
            ``return_sequences``; followed by the state if ``return_state``.
        """
        ops = keras.ops
        shape = tuple(inputs.shape[2:])
        state_shape = tuple(self.rnn.cell.cell.state_size)
        if self.time_major:
            inputs = ops.swapaxes(inputs, 0, 1)
        if initial_state is not None:
            initial_state = [
                ops.reshape(state, (-1, math.prod(state_shape)))
                for state in initial_state
            ]
        n_steps = inputs.shape[1] or ops.shape(inputs)[1]
        flat = ops.reshape(inputs, (-1, n_steps, math.prod(shape)))
        found = self.rnn(flat, initial_state=initial_state, training=training)
        output, *states = found if self.return_state else [found]
        if self.return_sequences:
            output = ops.reshape(output, (-1, n_steps, *shape))
            output = ops.swapaxes(output, 0, 1) if self.time_major else output
        else:
            output = ops.reshape(output, (-1, *shape))
        if not self.return_state:
            return output
        return [output, *(ops.reshape(state, (-1, *state_shape)) for state in states)]

    def reset_states(self: Any, states: Any = None) -> None:
        """Return a ``stateful`` layer to its initial state.

        Parameters
        ----------
        states : None
            Kept for compatibility; other states are not supported.
        """
        if states is not None:
            raise NotImplementedError("pass initial_state to the layer instead")
        self.rnn.reset_state()


_registered = keras.saving.register_keras_serializable(package="nengo_dl_converter")


@_registered
class SpikingActivation(OnKeras3, keras_spiking.SpikingActivation):
    """`keras_spiking.SpikingActivation`, working under Keras 3."""


@_registered
class Lowpass(OnKeras3, keras_spiking.Lowpass):
    """`keras_spiking.Lowpass`, working under Keras 3."""

    order = 1


@_registered
class Alpha(OnKeras3, keras_spiking.Alpha):
    """`keras_spiking.Alpha`, working under Keras 3."""

    order = 2


registry.register(SpikingActivation)(ConvertSpikingActivation)
registry.register(Lowpass, Alpha)(ConvertLowpassAlpha)
