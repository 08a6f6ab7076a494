r"""Functions that take the place of the derivative of a spike.

Whether a neuron spikes is a step function of its membrane potential, and has no useful
derivative. Let :math:`x` be the distance of the potential from the threshold, in units
of the threshold. To train a network in spikes, the derivative of the step is replaced
by a function of :math:`x`,

======================  =========================================================
`FastSigmoid`           :math:`1 / (1 + 10 |x|)^2`
`Sigmoid`               :math:`4 \, s(x) (1 - s(x))`, :math:`s = 1 / (1 + e^{-4 x})`
`ArcTan`                :math:`1 / (1 + (\pi x)^2)`
`Triangle`              :math:`0.3 \max(0, 1 - |x|)`
`Gaussian`              :math:`N(x \,|\, 0, 0.5^2)`, a normal density
`MultiGaussian`         :math:`0.5 \, (1.15 \, N(x \,|\, 0, 0.5^2) - 0.15 \, N(x \,|\,
                        0.5, 3^2) - 0.15 \, N(x \,|\, -0.5, 3^2))`
`StraightThrough`       1
======================  =========================================================

with the default values of their parameters, and everything else, such as the decay of
the potential, is differentiated as it is; but for the reset, which counts as given: its
gradient does not go through the spike. Neurons that can spike several times a step have
a threshold at each whole number from one on, of which the nearest counts, and those of
LIF are compared before ``min_voltage`` bounds them.

``configure_settings(spike_gradient=...)`` takes one of these objects, its name in lower
case with underscores (``"multi_gaussian"``), or any other function from a tensor of
distances to a tensor of derivatives, of the same shape and type:

>>> import nengo, nengo_dl_core
>>> import tensorflow as tf
>>> from nengo_dl_core.surrogates import Sigmoid
>>> with nengo.Network() as net:
...     nengo_dl_core.configure_settings(spike_gradient=Sigmoid(slope=10))
...     ens = nengo.Ensemble(10, 1)
...     net.config[ens].spike_gradient = lambda x: tf.exp(-tf.abs(x))
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import tensorflow as tf
from nengo.exceptions import ValidationError

__all__ = [
    "ArcTan",
    "FastSigmoid",
    "Gaussian",
    "MultiGaussian",
    "Sigmoid",
    "StraightThrough",
    "Triangle",
]

Surrogate = Callable[[tf.Tensor], tf.Tensor]


class _PositiveParameters:
    """Checks the parameters of a surrogate."""

    def __post_init__(self) -> None:
        for field in fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            number = isinstance(value, (int, float, np.number))
            if not (number and value > 0):
                raise ValidationError(
                    f"must be a positive number, not {value!r}",
                    attr=field.name,
                    obj=type(self),
                )
            object.__setattr__(self, field.name, float(value))


@dataclass(frozen=True)
class FastSigmoid(_PositiveParameters):
    r"""The derivative :math:`1 / (1 + \beta |x|)^2`, of a fast sigmoid.

    It is half as large as at the threshold where :math:`|x| = 0.41 / \beta`.

    Parameters
    ----------
    slope : float
        The slope :math:`\beta`.

    References
    ----------
    .. [1] Zenke, F. and Ganguli, S. "SuperSpike: Supervised learning in multilayer
       spiking neural networks." Neural Computation 30 (2018), section 2.
    """

    slope: float = 10.0

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Compute the derivatives at the distances ``x`` from the threshold."""
        return 1 / tf.square(1 + self.slope * tf.abs(x))


@dataclass(frozen=True)
class Sigmoid(_PositiveParameters):
    r"""The derivative of a sigmoid :math:`s(x) = 1 / (1 + e^{-\beta x})`.

    That is :math:`\beta s(x) (1 - s(x))`. It is half as large as at the threshold where
    :math:`|x| = 1.76 / \beta`.

    Parameters
    ----------
    slope : float
        The slope :math:`\beta`.

    References
    ----------
    .. [1] Zenke, F. and Vogels, T. P. "The remarkable robustness of surrogate gradient
       learning for instilling complex function in spiking neural networks." Neural
       Computation 33 (2021).
    """

    slope: float = 4.0

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Compute the derivatives at the distances ``x`` from the threshold."""
        x = self.slope * x
        return self.slope * tf.sigmoid(x) * tf.sigmoid(-x)


@dataclass(frozen=True)
class ArcTan(_PositiveParameters):
    r"""The derivative :math:`(\alpha / 2) / (1 + (\pi \alpha x / 2)^2)`.

    It is that of :math:`\arctan(\pi \alpha x / 2) / \pi`, and half as large as at the
    threshold where :math:`|x| = 2 / (\pi \alpha)`.

    Parameters
    ----------
    alpha : float
        Twice the value at the threshold.

    References
    ----------
    .. [1] Fang, W. et al. "Incorporating learnable membrane time constant to enhance
       learning of spiking neural networks." ICCV (2021), equation 16.
    """

    alpha: float = 2.0

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Compute the derivatives at the distances ``x`` from the threshold."""
        return self.alpha / 2 / (1 + tf.square(np.pi * self.alpha / 2 * x))


@dataclass(frozen=True)
class Triangle(_PositiveParameters):
    r"""The derivative :math:`\gamma \max(0, 1 - |x| / w)`.

    It is half as large as at the threshold where :math:`|x| = w / 2`.

    Parameters
    ----------
    height : float
        The value at the threshold, :math:`\gamma`.
    width : float
        The distance from which on it is zero, :math:`w`.

    References
    ----------
    .. [1] Bellec, G. et al. "Long short-term memory and learning-to-learn in networks
       of spiking neurons." NeurIPS (2018), section 2.
    """

    height: float = 0.3
    width: float = 1.0

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Compute the derivatives at the distances ``x`` from the threshold."""
        return self.height * tf.nn.relu(1 - tf.abs(x) / self.width)


@dataclass(frozen=True)
class Gaussian(_PositiveParameters):
    r"""The density of a normal distribution, :math:`N(x \,|\, 0, \sigma^2)`.

    It is half as large as at the threshold where :math:`|x| = 1.18 \sigma`.

    Parameters
    ----------
    sigma : float
        The standard deviation.

    References
    ----------
    .. [1] Yin, B., Corradi, F. and Bohté, S. M. "Accurate and efficient time-domain
       classification with adaptive spiking recurrent neural networks." Nature Machine
       Intelligence 3 (2021).
    """

    sigma: float = 0.5

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Compute the derivatives at the distances ``x`` from the threshold."""
        return _normal_density(x, self.sigma)


@dataclass(frozen=True)
class MultiGaussian(_PositiveParameters):
    r"""A normal density between two wide negative ones.

    The derivative is

    .. math:: \gamma ((1 + h) N(x \,|\, 0, \sigma^2) - h N(x \,|\, \sigma, (s \sigma)^2)
              - h N(x \,|\, -\sigma, (s \sigma)^2))

    so that a neuron that is far from its threshold learns a little in the other
    direction. By default it is half as large as at the threshold where :math:`|x| =
    0.57`, and negative from :math:`|x| = 1.3` on.

    Parameters
    ----------
    sigma : float
        Standard deviation of the density in the middle, and distance of the others.
    h : float
        Weight of each of the others.
    s : float
        How many times as wide they are.
    height : float
        The factor :math:`\gamma` of the whole.

    References
    ----------
    .. [1] Yin, B., Corradi, F. and Bohté, S. M. "Accurate and efficient time-domain
       classification with adaptive spiking recurrent neural networks." Nature Machine
       Intelligence 3 (2021).
    """

    sigma: float = 0.5
    h: float = 0.15
    s: float = 6.0
    height: float = 0.5

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Compute the derivatives at the distances ``x`` from the threshold."""
        wide = self.s * self.sigma
        around = _normal_density(x - self.sigma, wide)
        around += _normal_density(x + self.sigma, wide)
        middle = _normal_density(x, self.sigma)
        return self.height * ((1 + self.h) * middle - self.h * around)


@dataclass(frozen=True)
class StraightThrough(_PositiveParameters):
    """The derivative 1: gradients pass a spike as if it were the potential.

    Parameters
    ----------
    width : float
        The distance from the threshold beyond which it is 0; by default there is none.

    References
    ----------
    .. [1] Bengio, Y., Léonard, N. and Courville, A. "Estimating or propagating
       gradients through stochastic neurons for conditional computation."
       arXiv:1308.3432 (2013).
    .. [2] Hubara, I. et al. "Binarized neural networks." NeurIPS (2016), equation 4,
       with ``width=1``.
    """

    width: float = math.inf

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Compute the derivatives at the distances ``x`` from the threshold."""
        return tf.cast(tf.abs(x) <= self.width, x.dtype)


def _normal_density(x: tf.Tensor, sigma: float) -> tf.Tensor:
    return tf.exp(-tf.square(x / sigma) / 2) / (sigma * math.sqrt(2 * np.pi))


SURROGATES: dict[str, Surrogate] = {
    "fast_sigmoid": FastSigmoid(),
    "sigmoid": Sigmoid(),
    "arctan": ArcTan(),
    "triangle": Triangle(),
    "gaussian": Gaussian(),
    "multi_gaussian": MultiGaussian(),
    "straight_through": StraightThrough(),
}
"""The surrogates that have names."""
