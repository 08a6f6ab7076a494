"""Build of the neuron types that turn rates into spikes.

Nengo computes these in two operators: one for the rates of the base type, and the one
that is built here, whose input ``J`` is a rate. In training the rates themselves are
the output, times the amplitude.
"""

from __future__ import annotations

import nengo
import tensorflow as tf
from nengo.builder.operator import Operator

from nengo_dl_core.builders.base import BuildConfig
from nengo_dl_core.builders.neurons.base import SimNeuronsBuilder, TFNeuronBuilder
from nengo_dl_core.builders.neurons.integrate_and_fire import integrate_and_fire
from nengo_dl_core.builders.numerics import rounded
from nengo_dl_core.builders.random_streams import stream_keys, uniform
from nengo_dl_core.builders.signals import SignalDict

# From this expected number of spikes in a step on Poisson numbers are approximated.
_LARGE = 1000


class RatesToSpikesBuilder(TFNeuronBuilder):
    """Base of the builders in this module.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        The operators of the group.
    """

    spiking = True

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Collect the parameters; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.amplitude = self.constant(signals, lambda neurons: neurons.amplitude)
        self.spike_height = self.constant(
            signals, lambda neurons: neurons.amplitude / signals.dt
        )

    def training_step(self, J: tf.Tensor, dt: float, **state: tf.Tensor) -> tf.Tensor:
        """Scale the rates; see `TFNeuronBuilder.training_step`."""
        return self.amplitude * J


@SimNeuronsBuilder.register(nengo.RegularSpiking)
class RegularSpikingBuilder(RatesToSpikesBuilder):
    """Integrate the rates, and spike whenever the integral passes an integer.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        The operators of the group.
    """

    has_surrogate = True

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Collect the parameters; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.negative = any(op.neurons.negative for op in self.ops)

    def step(  # type: ignore[override]
        self, J: tf.Tensor, dt: float, voltage: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute spikes and voltage; see `TFNeuronBuilder.step`."""
        return integrate_and_fire(
            voltage, J * dt, self.spike_height, self.with_surrogate, self.negative
        )


class RandomSpikingBuilder(RatesToSpikesBuilder):
    """Base of the builders of neurons that spike at random.

    Every neuron of every item of the minibatch has a stream of random numbers of its
    own, whose values depend on the step alone; see
    `nengo_dl_core.builders.random_streams`.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        The operators of the group.
    """

    # Random numbers of an item are not those of another
    takes_parameters_of_items = False

    def steps_are_items(self, config: BuildConfig) -> bool:
        """Steps have numbers of their own; see `OpBuilder.steps_are_items`."""
        return False

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Seed the streams; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        keys = [
            tf.constant(
                stream_keys(op.state_extra["rng"], signals.minibatch_size, op.J.size)
            )
            for op in self.ops
        ]
        self.keys = tf.concat(keys, axis=1)
        self.negative = self.ops[0].neurons.negative

    def build_step(self, signals: SignalDict, **step_kwargs: tf.Tensor) -> None:
        """Compute one step; see `TFNeuronBuilder.build_step`."""
        self.step_number = tf.add(signals.step, signals.draw_offset)
        super().build_step(signals, **step_kwargs)

    def draw(self, dtype: str, index: tf.Tensor | int = 0) -> tf.Tensor:
        """Draw a number in [0, 1) for each neuron.

        Parameters
        ----------
        dtype : str
            Type of the numbers.
        index : tf.Tensor or int
            Distinguishes several draws in one step.

        Returns
        -------
        numbers : tf.Tensor
            Random numbers, ``(minibatch_size, n_neurons)``.
        """
        return uniform(self.keys, self.step_number, index, dtype)

    def step(  # type: ignore[override]
        self, J: tf.Tensor, dt: float
    ) -> tf.Tensor:
        """Compute the spikes; see `TFNeuronBuilder.step`."""
        if self.negative:
            return self.spike_height * self.spikes(dt * tf.abs(J)) * tf.sign(J)
        return self.spike_height * self.spikes(dt * J)

    def spikes(self, expected: tf.Tensor) -> tf.Tensor:
        """Draw the number of spikes of every neuron in this step.

        Parameters
        ----------
        expected : tf.Tensor
            Expected numbers of spikes, ``(minibatch_size, n_neurons)``.

        Returns
        -------
        n_spikes : tf.Tensor
            Numbers of spikes, of the same shape.
        """
        raise NotImplementedError

    @staticmethod
    def mergeable(x: Operator, y: Operator) -> bool:
        """Merge neurons whose base types agree on whether rates can be negative."""
        return TFNeuronBuilder.mergeable(x, y) and (
            x.neurons.negative == y.neurons.negative
        )


@SimNeuronsBuilder.register(nengo.StochasticSpiking)
class StochasticSpikingBuilder(RandomSpikingBuilder):
    """Round the expected number of spikes up or down at random.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        The operators of the group.
    """

    def spikes(self, expected: tf.Tensor) -> tf.Tensor:
        """Round at random; see `RandomSpikingBuilder.spikes`."""
        expected = rounded(expected)
        whole = tf.where(expected < 0, tf.math.ceil(expected), tf.floor(expected))
        up = self.draw(expected.dtype.name) < expected - whole
        return whole + tf.cast(up, expected.dtype)


@SimNeuronsBuilder.register(nengo.PoissonSpiking)
class PoissonSpikingBuilder(RandomSpikingBuilder):
    """Draw the number of spikes from a Poisson distribution.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        The operators of the group.
    """

    def spikes(self, expected: tf.Tensor) -> tf.Tensor:
        """Draw Poisson numbers; see `RandomSpikingBuilder.spikes`.

        The intervals between the events of a Poisson process of rate one are
        exponentially distributed, ``-log(1 - u)`` with ``u`` uniform in [0, 1), and the
        number of events up to the time ``x`` has a Poisson distribution of mean ``x``.
        So intervals are added up until the sum has passed the expected number in all
        neurons. That takes few rounds: neurons rarely fire more than once in a step.

        Numbers that are expected to be very large, as of neurons whose feedback
        diverges, come from the normal distribution with its first correction for
        skewness (Cornish and Fisher 1938); one that is infinite or NaN gives NaN.
        """
        dtype = expected.dtype.name
        large = tf.logical_not(expected < _LARGE)
        end = tf.where(large, tf.zeros([], dtype), expected)

        def body(
            index: tf.Tensor, time: tf.Tensor, n_spikes: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            time -= tf.math.log1p(-self.draw(dtype, index))
            return index + 1, time, n_spikes + tf.cast(time < end, dtype)

        _, _, n_spikes = tf.while_loop(
            lambda index, time, n_spikes: tf.reduce_any(time < end),
            body,
            (tf.constant(0), tf.zeros_like(end), tf.zeros_like(end)),
        )
        z = tf.math.ndtri(self.draw(dtype))
        many = tf.floor(expected + tf.sqrt(expected) * z + (z * z - 1) / 6 + 0.5)
        return tf.where(large, many, n_spikes)
