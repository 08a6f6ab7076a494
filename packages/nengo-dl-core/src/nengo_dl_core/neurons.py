"""Neuron types beside those of Nengo; they run in every Nengo simulator."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from nengo.dists import Distribution, Uniform
from nengo.neurons import LIFRate, RectifiedLinear
from nengo.params import NumberParam

Array = npt.NDArray[Any]


class SoftLIFRate(LIFRate):
    r"""LIF rate neurons with a smooth firing threshold.

    The response has a continuous derivative, so that deep networks can be trained with
    these neurons and run with spiking LIF neurons [1]_. For an input current
    :math:`J` the firing rate is

    .. math::

       r(J) = \frac{a}{\tau_{ref} + \tau_{rc} \log(1 + 1 / z)}, \qquad
       z = \sigma \log(1 + e^{(J - 1) / \sigma}),

    where

    * :math:`\sigma` is the width of the bend, in units of current,
    * :math:`\tau_{rc}` is the membrane time constant and :math:`\tau_{ref}` the
      refractory period, both in seconds,
    * :math:`a` is the amplitude.

    As :math:`\sigma` goes to zero, :math:`z` goes to :math:`\max(J - 1, 0)`, which
    gives the rate of LIF neurons. Gains and biases are those of LIF neurons.

    Parameters
    ----------
    sigma : float
        Width of the bend at the threshold, in units of current.
    **lif_args
        Parameters of `nengo.LIFRate`: ``tau_rc``, ``tau_ref``, ``amplitude``,
        ``initial_state``.

    References
    ----------
    .. [1] Hunsberger, E. and Eliasmith, C. "Spiking deep networks with LIF neurons."
       arXiv:1510.08829 (2015), equation 4.

    Examples
    --------
    >>> from nengo_dl_core.neurons import SoftLIFRate
    >>> rates = SoftLIFRate(sigma=0.1).rates([0.5, 1.0, 1.5], gain=[1.0], bias=[0.0])
    >>> rates.ravel().round(1)
    array([ 6.8, 17.6, 41.7])
    """

    sigma = NumberParam("sigma", low=0, low_open=True)

    def __init__(self, sigma: float = 1.0, **lif_args: Any) -> None:
        super().__init__(**lif_args)
        self.sigma = sigma

    def rates(self, x: Any, gain: Any, bias: Any) -> Array:
        """Compute firing rates for inputs; see `nengo.neurons.NeuronType.rates`."""
        J = self.current(x, gain, bias)
        output = np.zeros_like(J)
        self.step(1, J, output)
        return output

    def step(self, dt: float, J: Array, output: Array) -> None:
        """Compute one step; see `nengo.neurons.NeuronType.step`.

        Far below the threshold, where ``z`` underflows, ``log(1 + 1 / z)`` is
        ``-log(z)``.
        """
        x = (J - 1) / self.sigma
        z = self.sigma * np.logaddexp(0, np.maximum(x, -36))
        isi = np.where(x > -36, np.log1p(1 / z), -x - np.log(self.sigma))
        output[...] = self.amplitude / (self.tau_ref + self.tau_rc * isi)


class LeakyReLU(RectifiedLinear):
    r"""Rectified linear neurons with a nonzero slope for negative input.

    For an input current :math:`J` the output is :math:`a \max(J, 0) + a s \min(J, 0)`,
    where :math:`a` is the amplitude and :math:`s` the negative slope.

    Parameters
    ----------
    negative_slope : float
        Scaling factor of negative currents.
    amplitude : float
        Scaling factor of the output, for negative currents too.
    **kwargs
        Parameters of `nengo.RectifiedLinear`: ``initial_state``.

    Examples
    --------
    >>> from nengo_dl_core.neurons import LeakyReLU
    >>> LeakyReLU(negative_slope=0.1).rates([-1, 1], gain=[20], bias=[0]).ravel()
    array([-2., 20.])
    """

    negative = True

    negative_slope = NumberParam("negative_slope")

    def __init__(
        self, negative_slope: float = 0.3, amplitude: float = 1, **kwargs: Any
    ) -> None:
        super().__init__(amplitude=amplitude, **kwargs)
        self.negative_slope = negative_slope

    def step(self, dt: float, J: Array, output: Array) -> None:
        """Compute one step; see `nengo.neurons.NeuronType.step`."""
        output[...] = self.amplitude * np.where(J < 0, self.negative_slope * J, J)


class SpikingLeakyReLU(LeakyReLU):
    """Spiking `LeakyReLU`, whose spikes may be negative.

    What a `LeakyReLU` neuron puts out is integrated. A neuron spikes whenever the
    integral passes an integer: once upwards, and with a negative sign downwards.

    Parameters
    ----------
    negative_slope : float
        Scaling factor of negative currents.
    amplitude : float
        Scaling factor of the output, for negative currents too.
    **kwargs
        Parameters of `nengo.RectifiedLinear`: ``initial_state``, here with the state
        ``voltage``.
    """

    spiking = True
    state: ClassVar[dict[str, Distribution]] = {"voltage": Uniform(low=0, high=1)}

    def rates(self, x: Any, gain: Any, bias: Any) -> Array:
        """Compute firing rates for inputs; see `nengo.neurons.NeuronType.rates`."""
        J = self.current(x, gain, bias)
        output = np.zeros_like(J)
        LeakyReLU.step(self, 1, J, output)
        return output

    def step(  # type: ignore[override]
        self, dt: float, J: Array, output: Array, voltage: Array
    ) -> None:
        """Compute one step; see `nengo.neurons.NeuronType.step`."""
        voltage += np.where(J < 0, self.negative_slope * J, J) * dt
        n_spikes = np.floor(voltage)
        output[...] = (self.amplitude / dt) * n_spikes
        voltage -= n_spikes
