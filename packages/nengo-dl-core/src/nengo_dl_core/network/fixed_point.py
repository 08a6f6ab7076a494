r"""Spiking neurons whose currents and voltages are integers.

Let :math:`J` be the current and :math:`v` the voltage, both in units of
:math:`2^{-f}`, and :math:`[\cdot]` rounding to the nearest integer, halves up. With the
constants

.. math:: m = [2^s k], \qquad k = \Delta t \text{ or } 1 - e^{-\Delta t / \tau_{rc}},

where :math:`s` is such that :math:`m` has 16 bits, a step is

==================================  =========================================
`nengo.SpikingRectifiedLinear`      :math:`v + [2^{-s} m \max(J, 0)]`
`nengo.LIF`                         :math:`v + [2^{-s} m (J - v)]`
==================================  =========================================

after which the former spikes as often as :math:`2^f` is in :math:`v`, and subtracts it,
and the latter spikes where :math:`v > 2^f`, and is 0 then.
"""

from __future__ import annotations

from typing import Any

import nengo
import numpy as np
import numpy.typing as npt
from nengo.neurons import NeuronType
from nengo.params import Parameter

from nengo_dl_core.quantization import FixedPoint, Quantization

Array = npt.NDArray[Any]

_FACTOR_BITS = 16


class FixedPointNeurons(NeuronType):
    """What fixed-point neurons have in common.

    Parameters
    ----------
    quantization : Quantization
        How many bits there are.
    """

    voltages = Parameter("voltages", readonly=True)
    currents = Parameter("currents", readonly=True)

    def __init__(self, quantization: Quantization, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.voltages = FixedPoint(quantization.state_bits, quantization.state_fraction)
        self.currents = quantization.currents

    def factor(self, dt: float) -> tuple[float, int]:
        """Return what a step takes of a current, as an integer and a shift."""
        raise NotImplementedError

    def _scaled(self, integers: Array, dt: float) -> Array:
        factor, shift = self.factor(dt)
        return np.asarray(np.floor(integers * factor * 2.0**-shift + 0.5))


class FixedPointRectifiedLinear(FixedPointNeurons, nengo.SpikingRectifiedLinear):
    """`nengo.SpikingRectifiedLinear` in integers."""

    @classmethod
    def like(cls, kind: Any, quantization: Quantization) -> FixedPointNeurons:
        """Make neurons with the parameters of others."""
        return cls(quantization, amplitude=kind.amplitude)

    def factor(self, dt: float) -> tuple[float, int]:
        """Return what a step takes of a current, as an integer and a shift."""
        return integer_factor(dt)

    def step(self, dt: float, J: Array, output: Array, voltage: Array) -> None:
        """Compute one step; see `nengo.neurons.NeuronType.step`."""
        unit = 2.0**self.voltages.fraction
        charge = self._scaled(np.maximum(self.currents.integers(J), 0), dt)
        v = np.minimum(
            self.voltages.integers(voltage) + charge, self.voltages.bounds[1]
        )
        n_spikes = np.floor(v / unit)
        output[...] = self.amplitude / dt * n_spikes
        voltage[...] = v / unit - n_spikes


class FixedPointLIF(FixedPointNeurons, nengo.LIF):
    """`nengo.LIF` without refractory period, in integers."""

    @classmethod
    def like(cls, kind: Any, quantization: Quantization) -> FixedPointNeurons:
        """Make neurons with the parameters of others."""
        return cls(
            quantization,
            tau_rc=kind.tau_rc,
            tau_ref=0,
            min_voltage=kind.min_voltage,
            amplitude=kind.amplitude,
        )

    @property
    def lowest(self) -> float:
        """The lowest voltage, in units."""
        return float(self.voltages.integers(np.asarray(self.min_voltage)))

    def factor(self, dt: float) -> tuple[float, int]:
        """Return what a step takes of a current, as an integer and a shift."""
        return integer_factor(-np.expm1(-dt / self.tau_rc))

    def step(
        self, dt: float, J: Array, output: Array, voltage: Array, refractory_time: Array
    ) -> None:
        """Compute one step; see `nengo.neurons.NeuronType.step`."""
        unit = 2.0**self.voltages.fraction
        v = self.voltages.integers(voltage)
        change = self._scaled(self.currents.integers(J) - v, dt)
        v = np.clip(v + change, *self.voltages.bounds)
        spiked = v > unit
        output[...] = spiked * (self.amplitude / dt)
        voltage[...] = np.where(spiked, 0, np.maximum(v, self.lowest) / unit)


FIXED_POINT: dict[type[NeuronType], Any] = {
    nengo.SpikingRectifiedLinear: FixedPointRectifiedLinear,
    nengo.LIF: FixedPointLIF,
}
"""The neuron types that have a fixed-point form."""


def integer_factor(factor: float) -> tuple[float, int]:
    """Write a factor as an integer and a shift.

    Parameters
    ----------
    factor : float
        A positive number.

    Returns
    -------
    integer : float
        A whole number of 16 bits.
    shift : int
        By how many places it is shifted to the right.
    """
    shift = _FACTOR_BITS - int(np.frexp(factor)[1])
    return float(np.floor(factor * 2.0**shift + 0.5)), shift
