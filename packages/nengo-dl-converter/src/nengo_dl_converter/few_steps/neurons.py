"""Spiking neurons that count levels of an activation, and their build in TensorFlow."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from nengo.dists import Choice, Distribution
from nengo.exceptions import ValidationError
from nengo.neurons import NeuronType
from nengo.params import BoolParam, NdarrayParam

from nengo_dl_core import (
    BuildConfig,
    SignalDict,
    SimNeuronsBuilder,
    TFNeuronBuilder,
    rounded_product,
    stored,
)

Array = npt.NDArray[Any]


class SpikingQuantizedReLU(NeuronType):
    r"""Integrate and fire with soft reset: the spiking counterpart of `QuantizedReLU`.

    A step computes, for an input :math:`J` and the threshold :math:`\lambda`,

    .. math::

       v \leftarrow v + J / \lambda, \quad
       s = \begin{cases} 1 & v \ge 1 \\ 0 & v < 1 \end{cases}, \quad
       v \leftarrow v - s,

    and gives :math:`\lambda s`: a spike is as high as the threshold, for one step. The
    voltage :math:`v` is in units of the threshold and starts at a half. The mean output
    of :math:`T` steps of constant input is :math:`\lambda / T` times
    :math:`\operatorname{clip}(\lfloor T J / \lambda + 1/2 \rfloor, 0, T)`, which is
    what `QuantizedReLU` computes with :math:`T` levels [1]_. Unlike
    `nengo.SpikingRectifiedLinear`, negative inputs count: what came too much in one
    step can be taken back in another. A step is a step, whatever its length in seconds.

    A neuron that has spiked too soon cannot take a spike back. ``signed`` neurons can:
    one whose voltage is below zero gives a spike of :math:`-\lambda`, if it has given
    more positive spikes than negative ones [2]_.

    Parameters
    ----------
    threshold : float or (n_neurons,) array_like
        Height of a spike, :math:`\lambda`, in units of the input: for all neurons, or
        for each one.
    signed : bool
        Whether neurons take back spikes.
    initial_state : dict, optional
        Initial values of ``voltage``, in units of the threshold, and of ``fired``, the
        number of spikes less those taken back.

    Raises
    ------
    nengo.exceptions.ValidationError
        If a threshold is not above zero, or the array has more than one axis.

    References
    ----------
    .. [1] T. Bu, W. Fang, J. Ding, P. Dai, Z. Yu, T. Huang (2022): Optimal ANN-SNN
       conversion for high-accuracy and ultra-low-latency spiking neural networks. ICLR,
       arXiv:2303.04347.
    .. [2] Y. Wang, M. Zhang, Y. Chen, H. Qu (2022): Signed neuron with memory: towards
       simple, accurate and high-efficient ANN-SNN conversion. IJCAI.

    Examples
    --------
    >>> import nengo
    >>> from nengo_dl_converter import SpikingQuantizedReLU
    >>> with nengo.Network() as net:
    ...     ens = nengo.Ensemble(
    ...         2, 1, neuron_type=SpikingQuantizedReLU(2), gain=[1, 1], bias=[0.5, 9]
    ...     )
    ...     probe = nengo.Probe(ens.neurons)
    >>> with nengo.Simulator(net, progress_bar=False) as sim:
    ...     sim.run_steps(4)
    >>> sim.data[probe].T
    array([[0., 2., 0., 0.],
           [2., 2., 2., 2.]])
    """

    spiking = True
    state: ClassVar[dict[str, Distribution]] = {
        "voltage": Choice([0.5]),
        "fired": Choice([0.0]),
    }

    threshold = NdarrayParam("threshold", shape=("...",))
    signed = BoolParam("signed")

    def __init__(
        self, threshold: Any = 1.0, signed: bool = False, initial_state: Any = None
    ) -> None:
        super().__init__(initial_state)
        self.threshold = threshold
        self.signed = signed
        if self.threshold.ndim > 1 or not (self.threshold > 0).all():
            raise ValidationError(
                "must be a positive number, or one for each neuron, not "
                f"{self.threshold}",
                attr="threshold",
                obj=self,
            )

    @property
    def negative(self) -> bool:
        """Whether outputs can be negative."""
        return self.signed

    def __eq__(self, other: object) -> bool:
        # Nengo computes neurons of equal types together, with the parameters of one.
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def rates(self, x: Any, gain: Any, bias: Any) -> Array:
        """Compute the mean output of a step; see `nengo.neurons.NeuronType.rates`."""
        return np.clip(self.current(x, gain, bias), 0, self.threshold)

    def step(
        self, dt: float, J: Array, output: Array, voltage: Array, fired: Array
    ) -> None:
        """Compute one step; see `nengo.neurons.NeuronType.step`."""
        voltage += (1 / self.threshold) * J
        spikes = (voltage >= 1).astype(voltage.dtype)
        if self.signed:
            spikes -= (voltage < 0) & (fired > 0)
        voltage -= spikes
        fired += spikes
        output[...] = self.threshold * spikes


@SimNeuronsBuilder.register(SpikingQuantizedReLU)
class SpikingQuantizedReLUBuilder(TFNeuronBuilder):
    """Compute the steps of `SpikingQuantizedReLU`.

    In training the output is the mean of many steps, ``clip(J, 0, threshold)``.

    Parameters
    ----------
    ops : tuple of nengo.builder.neurons.SimNeurons
        The operators of the group.
    """

    spiking = True
    has_surrogate = True

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Collect the parameters; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)

        def per_neuron(values: list[Any]) -> Array:
            sizes = [op.J.size for op in self.ops]
            parts = map(np.broadcast_to, values, sizes)
            return np.concatenate([*parts])[None]

        threshold = per_neuron([op.neurons.threshold for op in self.ops])
        self.threshold = tf.constant(threshold, signals.dtype)
        self.per_threshold = tf.constant(1 / threshold, signals.dtype)
        self.signed = per_neuron([op.neurons.signed for op in self.ops])

    def step(  # type: ignore[override]
        self, J: tf.Tensor, dt: float, voltage: tf.Tensor, fired: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Compute output, voltage and count; see `TFNeuronBuilder.step`."""
        voltage = stored(voltage + rounded_product(self.per_threshold, J))
        spikes = tf.cast(voltage >= 1, J.dtype)
        if self.signed.any():
            taken_back = self.signed & (voltage < 0) & (fired > 0)
            spikes -= tf.cast(taken_back, J.dtype)
        output = self.with_surrogate(
            voltage - 1, self.threshold * spikes, self.threshold
        )
        return output, voltage - spikes, fired + spikes

    def training_step(self, J: tf.Tensor, dt: float, **state: tf.Tensor) -> tf.Tensor:
        """Compute the mean output; see `TFNeuronBuilder.training_step`."""
        return tf.clip_by_value(J, 0.0, self.threshold)
