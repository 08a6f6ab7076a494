"""Numbers of few bits, for weights, inputs, and the state of neurons."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from nengo.exceptions import ValidationError

Array = npt.NDArray[Any]

SMALLEST_EXPONENT = -24
"""The finest unit of weights is two to the power of this."""

CURRENT_BITS = 32
"""Bits of biases and currents, with sign."""


@dataclass(frozen=True)
class Quantization:
    r"""How many bits numbers have.

    A number is an integer times a power of two. All sums, products and shifts of a step
    are those of integers.

    * Weights have ``bits``, and the unit :math:`2^{e + 2 - \mathrm{bits}}`, where
      :math:`2^e` is the largest power of two that is not above the largest of them. The
      largest integer is :math:`2^{\mathrm{bits} - 1} - 1`, the smallest its negative.
    * Values of Nodes have ``input_bits``, of which ``input_fraction`` are after the
      point, biases, currents and voltages ``state_fraction``. Voltages have
      ``state_bits``, currents 32.
    * What is too large becomes the largest number, and halves are rounded up.

    In training gradients pass all roundings as if there were none [1]_, and what is
    trained are the values before rounding.

    Parameters
    ----------
    bits : int
        Bits of weights, with sign; from 2 to 16.
    state_bits : int
        Bits of voltages, with sign; at most 24.
    state_fraction : int
        How many of them are after the point. The threshold is 1.
    input_bits : int
        Bits of the values that Nodes put in, with sign; at most 16.
    input_fraction : int
        How many of them are after the point.
    per_channel : bool
        Whether the weights of each neuron, or of each filter of a convolution, have a
        unit of their own.

    Raises
    ------
    nengo.exceptions.ValidationError
        If there are too few or too many bits.

    References
    ----------
    .. [1] Bengio, Y., Léonard, N. and Courville, A. "Estimating or propagating
       gradients through stochastic neurons for conditional computation."
       arXiv:1308.3432 (2013), for one bit; Jacob, B. et al. "Quantization and training
       of neural networks for efficient integer-arithmetic-only inference." CVPR (2018),
       section 3.

    Examples
    --------
    >>> import nengo, nengo_dl_core
    >>> with nengo.Network() as net:
    ...     nengo_dl_core.configure_settings(quantization=8)
    ...     a = nengo.Node([1.0])
    ...     b = nengo.Ensemble(10, 1, neuron_type=nengo.SpikingRectifiedLinear())
    ...     c = nengo.Connection(a, b.neurons, transform=[[1]] * 10, synapse=None)
    ...     net.config[c].quantization = nengo_dl_core.Quantization(4)
    """

    bits: int = 8
    state_bits: int = 16
    state_fraction: int = 12
    input_bits: int = 8
    input_fraction: int = 7
    per_channel: bool = True

    def __post_init__(self) -> None:
        bounds = {
            "bits": (2, 16),
            "state_bits": (2, 24),
            "state_fraction": (0, self.state_bits - 2),
            "input_bits": (2, 16),
            "input_fraction": (0, 16),
        }
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in bounds:
                continue
            low, high = bounds[field.name]
            if not isinstance(value, (int, np.integer)) or not low <= value <= high:
                raise ValidationError(
                    f"must be an integer from {low} to {high}, not {value!r}",
                    attr=field.name,
                    obj=type(self),
                )

    @property
    def currents(self) -> FixedPoint:
        """What biases and currents are rounded to."""
        return FixedPoint(CURRENT_BITS, self.state_fraction)

    @classmethod
    def of(cls, setting: Any) -> Quantization | None:
        """Read a setting: a number of bits, a `Quantization`, or False or None."""
        if setting is None or setting is False:
            return None
        return setting if isinstance(setting, cls) else cls(bits=int(setting))


@dataclass(frozen=True)
class WeightFormat:
    """How weights are rounded.

    Parameters
    ----------
    bits : int
        Number of bits, with sign.
    axes : tuple of int
        The axes along which weights have one unit.
    """

    bits: int
    axes: tuple[int, ...]

    def units(self, weights: Array) -> Array:
        """Find the units of weights.

        Parameters
        ----------
        weights : ndarray
            The weights.

        Returns
        -------
        units : ndarray
            Powers of two, of a shape that broadcasts.
        """
        largest = np.abs(weights).max(axis=self.axes, keepdims=True, initial=0)
        exponents = np.maximum(np.frexp(largest)[1] + 1 - self.bits, SMALLEST_EXPONENT)
        return np.asarray(np.ldexp(1.0, exponents))

    def rounded(self, weights: Array) -> Array:
        """Round weights.

        Parameters
        ----------
        weights : ndarray
            The weights.

        Returns
        -------
        rounded : ndarray
            What they are in the simulation.
        """
        units, largest = self.units(weights), 2 ** (self.bits - 1) - 1
        integers = np.floor(weights / units + 0.5)
        return np.asarray(np.clip(integers, -largest, largest) * units)


@dataclass(frozen=True)
class FixedPoint:
    """Numbers with a fixed number of bits after the point.

    Parameters
    ----------
    bits : int
        Number of bits, with sign.
    fraction : int
        How many of them are after the point.
    """

    bits: int
    fraction: int

    def rounded(self, values: Array) -> Array:
        """Round values to the nearest of these numbers.

        Parameters
        ----------
        values : ndarray
            The values.

        Returns
        -------
        rounded : ndarray
            The nearest numbers; the larger where two are as near.
        """
        return np.asarray(self.integers(values) * 2.0**-self.fraction)

    def integers(self, values: Array) -> Array:
        """Count the units in values.

        Parameters
        ----------
        values : ndarray
            The values.

        Returns
        -------
        integers : ndarray
            Whole numbers, as floats.
        """
        integers = np.floor(values * 2.0**self.fraction + 0.5)
        return np.asarray(np.clip(integers, *self.bounds))

    @property
    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest integer."""
        return -(2.0 ** (self.bits - 1)), 2.0 ** (self.bits - 1) - 1


Format = WeightFormat | FixedPoint
