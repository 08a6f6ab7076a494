"""Build of `nengo.builder.neurons.SimNeurons`, by a builder for each neuron type.

A neuron type is added by writing its equations with TensorFlow:

>>> import nengo
>>> import tensorflow as tf
>>> from nengo_dl_core.builders.neurons.base import SimNeuronsBuilder, TFNeuronBuilder
>>> class Square(nengo.neurons.NeuronType):
...     "Rate neurons with a squared response."
...
...     def step(self, dt, J, output):
...         output[...] = J**2
>>> @SimNeuronsBuilder.register(Square)
... class SquareBuilder(TFNeuronBuilder):
...     def step(self, J, dt):
...         return tf.square(J)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from types import SimpleNamespace
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from nengo.builder.neurons import SimNeurons
from nengo.builder.operator import Operator
from nengo.exceptions import BuildError
from nengo.neurons import NeuronType

from nengo_dl_core.builder import BuildConfig, Builder, OpBuilder
from nengo_dl_core.builders.chosen import ChosenBuilder
from nengo_dl_core.builders.python_call import PythonOpBuilder
from nengo_dl_core.random_streams import item_rng
from nengo_dl_core.signals import SignalDict
from nengo_dl_core.surrogates import (
    SURROGATES,
    Surrogate,
    with_gradient_of,
)


class TFNeuronBuilder(OpBuilder):
    """Base of the builders of neuron types with equations in TensorFlow.

    A subclass defines `step`, and `training_step` if it is ``spiking``. Parameters of
    the neurons are prepared in `build_pre`, with `constant`.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        Operators whose neurons are of one type.

    Attributes
    ----------
    spiking : bool
        Whether training computes `training_step` in place of `step`.
    has_surrogate : bool
        Whether `step` passes its spikes through `with_surrogate`.
    """

    spiking: ClassVar[bool] = False
    has_surrogate: ClassVar[bool] = False
    _surrogate: Surrogate | None = None

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Look the signals up; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.J_data = signals.combine([op.J for op in self.ops])
        self.output_data = signals.combine([op.output for op in self.ops])
        self.state_data = {
            name: signals.combine([op.state[name] for op in self.ops])
            for name in self.ops[0].state
        }

    def constant(
        self, signals: SignalDict, parameter: Callable[[Any], float]
    ) -> tf.Tensor:
        """Collect a parameter of the neurons.

        Parameters
        ----------
        signals : SignalDict
            Environment.
        parameter : callable
            Gives the parameter of a neuron type instance.

        Returns
        -------
        constant : tf.Tensor
            A scalar if the parameter is the same in all operators, else its value for
            each neuron, of shape ``(1, n_neurons)``.
        """
        values = [SimpleNamespace(value=parameter(op.neurons)) for op in self.ops]
        sizes = [op.J.size for op in self.ops]
        return signals.op_constant(values, sizes, "value", signals.dtype)

    def step(
        self, J: tf.Tensor, dt: float, **state: tf.Tensor
    ) -> tf.Tensor | tuple[tf.Tensor, ...]:
        """Compute one step.

        Parameters
        ----------
        J : tf.Tensor
            Input currents, ``(minibatch_size, n_neurons)``.
        dt : float
            Length of the step, in seconds.
        **state : tf.Tensor
            State of the neurons by name, each ``(minibatch_size, n_neurons)``.

        Returns
        -------
        output : tf.Tensor or tuple of tf.Tensor
            Output of the neurons; if they have state, followed by the new state, in the
            order of the neuron type's ``state``.
        """
        raise BuildError(f"{type(self).__name__} does not define step")

    def training_step(self, J: tf.Tensor, dt: float, **state: tf.Tensor) -> tf.Tensor:
        """Compute the output of one step in training, with a useful derivative.

        The state stays as it is.

        Parameters
        ----------
        J : tf.Tensor
            Input currents, ``(minibatch_size, n_neurons)``.
        dt : float
            Length of the step, in seconds.
        **state : tf.Tensor
            State of the neurons by name, each ``(minibatch_size, n_neurons)``.

        Returns
        -------
        output : tf.Tensor
            Output of the neurons.
        """
        raise BuildError(
            f"{type(self).__name__} is spiking but does not define training_step"
        )

    def with_surrogate(
        self, distance: tf.Tensor, output: tf.Tensor, spike_height: tf.Tensor
    ) -> tf.Tensor:
        """Give spikes a surrogate gradient, while a network is trained with one.

        Parameters
        ----------
        distance : tf.Tensor
            Distance of the membrane potential from the threshold, in units of the
            threshold, ``(minibatch_size, n_neurons)``.
        output : tf.Tensor
            Output of the neurons, of the same shape.
        spike_height : tf.Tensor
            Output of a neuron that spikes once in the step.

        Returns
        -------
        output : tf.Tensor
            The same values.
        """
        if self._surrogate is None:
            return output
        return with_gradient_of(spike_height * self._surrogate(distance), output)

    def build_step(self, signals: SignalDict, **step_kwargs: Any) -> None:
        """Compute one step.

        Parameters
        ----------
        signals : SignalDict
            Environment of the step.
        **step_kwargs
            Passed on to `step` and `training_step`.
        """
        J = signals.gather(self.J_data)
        if not self.J_data.minibatched:
            J = J[tf.newaxis]
        state = {name: signals.gather(sig) for name, sig in self.state_data.items()}

        def inference() -> tuple[tf.Tensor, ...]:
            results = self.step(J, signals.dt, **state, **step_kwargs)
            return tuple(results) if isinstance(results, tuple | list) else (results,)

        def rates() -> tf.Tensor:
            return self.training_step(J, signals.dt, **state, **step_kwargs)

        def training() -> tuple[tf.Tensor, ...]:
            gradient = self.config.spike_gradient
            if gradient is None:
                return (rates(), *state.values())
            if gradient == "rates" or not self.has_surrogate:
                output, *after = inference()
                return (
                    with_gradient_of(rates(), output),
                    *map(tf.stop_gradient, after),
                )
            self._surrogate = SURROGATES[gradient]
            try:
                return inference()
            finally:
                self._surrogate = None

        if not self.spiking or self.config.inference_only:
            results = inference()
        elif isinstance(self.config.training, bool | None):
            results = training() if self.config.training else inference()
        else:
            results = tf.cond(self.config.training, training, inference)
        targets = [self.output_data, *self.state_data.values()]
        if len(results) != len(targets):
            raise BuildError(
                f"{type(self).__name__}.step returned {len(results)} tensors, expected "
                f"{len(targets)}: {', '.join(['output', *self.state_data])}"
            )
        for target, result in zip(targets, results, strict=True):
            signals.scatter(target, result)

    @staticmethod
    def mergeable(x: Operator, y: Operator) -> bool:
        """Merge neurons of one type, whatever their parameters are."""
        return type(x.neurons) is type(y.neurons)


class GenericNeuronBuilder(PythonOpBuilder):
    """Call the ``step`` function of any neuron type, for each item of the minibatch.

    Every step leaves TensorFlow, so that a model with such neurons cannot be compiled.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        The operators of the group.
    """

    def __init__(self, ops: Sequence[Operator]) -> None:
        super().__init__(ops)
        self.extras: list[list[dict[str, Any]]] = []

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Look the signals up; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.J_data = signals.combine([op.J for op in self.ops])
        self.targets = [
            signals.combine(sets)
            for sets in zip(*(op.sets for op in self.ops), strict=True)
        ]
        if not self.extras:
            self.build_post(signals)

    def build_post(self, signals: SignalDict) -> None:
        """Reset the random number generators; see `OpBuilder.build_post`.

        Those of the first item are in the state in which Nengo's simulator has them.
        """
        self.extras = [
            [
                {name: item_rng(rng, item) for name, rng in op.state_extra.items()}
                for op in self.ops
            ]
            for item in range(signals.minibatch_size)
        ]

    def python_state(self) -> Any:
        """The random number generators; see `OpBuilder.python_state`."""
        return deepcopy(self.extras)

    def restore_python_state(self, state: Any) -> None:
        """Return to earlier generators; see `OpBuilder.restore_python_state`."""
        self.extras = deepcopy(state)

    def build_step(self, signals: SignalDict) -> list[tf.Tensor]:
        """Call ``step``; see `OpBuilder.build_step`."""
        dt, batch = signals.dt, signals.minibatch_size

        def call_all(*arrays: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
            J = np.array(np.broadcast_to(arrays[0], (batch, arrays[0].shape[-1])))
            results = [np.zeros_like(J), *(array.copy() for array in arrays[1:])]
            for item, extras in enumerate(self.extras):
                rows = [_consecutive_rows(array[item]) for array in (J, *results)]
                for op, extra in zip(self.ops, extras, strict=True):
                    current, output, *state = (
                        next_rows(sig.shape)
                        for next_rows, sig in zip(rows, [op.J, *op.sets], strict=True)
                    )
                    named = dict(zip(op.state_idxs, state, strict=True))
                    op.neurons.step(dt, current, output, **named, **extra)
            return results

        inputs = [signals.gather(sig) for sig in (self.J_data, *self.targets[1:])]
        results = self.call(call_all, inputs, [sig.dtype for sig in self.targets])
        for target, result in zip(self.targets, results, strict=True):
            result.set_shape(target.full_shape)
            signals.scatter(target, result)
        return results

    @staticmethod
    def mergeable(x: Operator, y: Operator) -> bool:
        """Merge neurons of all types into one call from TensorFlow."""
        return True


def _consecutive_rows(
    array: npt.NDArray[Any],
) -> Callable[[tuple[int, ...]], npt.NDArray[Any]]:
    """Take an array apart into views of consecutive rows.

    Parameters
    ----------
    array : ndarray
        Array of shape ``(n_rows, ...)``.

    Returns
    -------
    next_rows : callable
        Gives the next view, of the shape that it is called with.
    """
    start = 0

    def next_rows(shape: tuple[int, ...]) -> npt.NDArray[Any]:
        nonlocal start
        stop = start + (shape[0] if shape else 1)
        view = array[start:stop].reshape(shape)
        start = stop
        return view

    return next_rows


_B = TypeVar("_B", bound=type[OpBuilder])


@Builder.register(SimNeurons)
class SimNeuronsBuilder(ChosenBuilder):
    """Compute neurons with the builder for their type.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        Operators whose neurons are of one type.

    Attributes
    ----------
    TF_NEURON_IMPL : dict of {type: type}
        For each neuron type its builder. Types that are not in it, subclasses
        included, run in Python.
    """

    TF_NEURON_IMPL: ClassVar[dict[type[NeuronType], type[OpBuilder]]] = {}

    @classmethod
    def register(cls, neuron_type: type[NeuronType]) -> Callable[[_B], _B]:
        """Make a builder the one that is used for a neuron type.

        Parameters
        ----------
        neuron_type : type
            Subclass of `nengo.neurons.NeuronType`.

        Returns
        -------
        decorator : callable
            Registers the builder that it is applied to.
        """

        def decorator(builder: _B) -> _B:
            cls.TF_NEURON_IMPL[neuron_type] = builder
            return builder

        return decorator

    @classmethod
    def builder_type(cls, op: SimNeurons) -> type[OpBuilder]:
        """Find the builder for the neurons of an operator.

        Parameters
        ----------
        op : nengo.builder.neurons.SimNeurons
            An operator.

        Returns
        -------
        builder : type
            Subclass of `OpBuilder`.
        """
        return cls.TF_NEURON_IMPL.get(type(op.neurons), GenericNeuronBuilder)
