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

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar, TypeVar

import tensorflow as tf
from nengo.builder.neurons import SimNeurons
from nengo.builder.operator import Operator
from nengo.exceptions import BuildError
from nengo.neurons import NeuronType

from nengo_dl_core import tuning
from nengo_dl_core.builders.base import BuildConfig, OpBuilder
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.compiled import compiled
from nengo_dl_core.builders.delegating import ChosenBuilder
from nengo_dl_core.builders.given_gradients import (
    with_derivative,
    with_gradient_of,
)
from nengo_dl_core.builders.neurons.generic import GenericNeuronBuilder
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.network.spike_gradients import SpikeGradient
from nengo_dl_core.surrogates import Surrogate


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
    is_long : bool
        Whether what computes many steps at once, from their currents alone, is so many
        operations that a compiler does better than TensorFlow, which goes through
        memory for each.
    """

    spiking: ClassVar[bool] = False
    has_surrogate: ClassVar[bool] = False
    is_long: ClassVar[bool] = False
    _surrogate: Surrogate | None = None

    def steps_are_items(self, config: BuildConfig) -> bool:
        """Rates are computed at once; see `OpBuilder.steps_are_items`."""
        if self._trains_spikes(config):
            return self._spike_gradient(config) is None
        return not any(op.state or op.state_extra for op in self.ops)

    def _trains_spikes(self, config: BuildConfig) -> bool:
        """Whether spiking neurons compute what they are trained by."""
        as_trained = config.training or config.as_trained
        return self.spiking and as_trained and not config.inference_only

    def _spike_gradient(self, config: BuildConfig) -> SpikeGradient | None:
        """The gradient of spikes that all neurons of the group are trained with."""
        gradient, *others = (config.spike_gradients.get(op) for op in self.ops)
        if any(other != gradient for other in others):
            raise BuildError(
                f"The planner put neurons with spike_gradient={gradient!r} into one "
                "group with others: let it ask `OperatorGraph.mergeable`"
            )
        return gradient

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
        return with_derivative(self._surrogate, distance, output, spike_height)

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

        is_large = J.shape.num_elements() >= tuning.MIN_NEURONS_COMPILED
        in_one_loop = (
            self.is_long and is_large and self.config.compiles_parts and not step_kwargs
        )

        def computed(step: Callable[..., Any]) -> Any:
            def of_currents(J: tf.Tensor) -> Any:
                return step(J, signals.dt, **state, **step_kwargs)

            if in_one_loop:  # over steps at once, none of which changes a state
                return compiled(of_currents, J, self.config.training)
            return of_currents(J)

        def inference() -> tuple[tf.Tensor, ...]:
            results = computed(self.step)
            return tuple(results) if isinstance(results, tuple | list) else (results,)

        def rates() -> tf.Tensor:
            return computed(self.training_step)

        def training() -> tuple[tf.Tensor, ...]:
            gradient = self._spike_gradient(self.config)
            if gradient is None:
                return (rates(), *state.values())
            if isinstance(gradient, str) or not self.has_surrogate:
                output, *after = inference()
                return (
                    with_gradient_of(rates(), output),
                    *map(tf.stop_gradient, after),
                )
            self._surrogate = gradient
            try:
                return inference()
            finally:
                self._surrogate = None

        trained = self._trains_spikes(self.config)
        results = training() if trained else inference()
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
