"""Distributions of initial connection weights.

>>> import nengo
>>> from nengo_dl_core.dists import Glorot
>>> with nengo.Network() as net:
...     a = nengo.Ensemble(100, 1)
...     b = nengo.Ensemble(50, 1)
...     conn = nengo.Connection(a.neurons, b.neurons, transform=Glorot())
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from nengo.dists import Distribution
from nengo.params import EnumParam, NumberParam

# Standard deviation of a standard normal distribution that is truncated at two
_TRUNCATED_STD = 0.8796256610342398


class TruncatedNormal(Distribution):
    """Normal distribution without the values that are far from the mean.

    Parameters
    ----------
    mean : float
        Mean of the distribution.
    stddev : float
        Standard deviation of the normal distribution; that of what is left is smaller.
    limit : float, optional
        Values farther from the mean are drawn again. Two standard deviations by
        default.

    Raises
    ------
    nengo.exceptions.ValidationError
        If the standard deviation or the limit is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from nengo_dl_core.dists import TruncatedNormal
    >>> samples = TruncatedNormal(limit=1).sample(1000, rng=np.random.RandomState(0))
    >>> bool(np.abs(samples).max() <= 1)
    True
    """

    mean = NumberParam("mean")
    stddev = NumberParam("stddev", low=0, low_open=True)
    limit = NumberParam("limit", low=0, low_open=True)

    def __init__(
        self, mean: float = 0, stddev: float = 1, limit: float | None = None
    ) -> None:
        super().__init__()
        self.mean = mean
        self.stddev = stddev
        self.limit = 2 * stddev if limit is None else limit

    def sample(
        self, n: int, d: int | None = None, rng: np.random.RandomState | None = None
    ) -> npt.NDArray[np.float64]:
        """Draw samples.

        Parameters
        ----------
        n : int
            Number of samples.
        d : int, optional
            Dimensions of a sample.
        rng : numpy.random.RandomState, optional
            Random number generator; NumPy's global one by default.

        Returns
        -------
        samples : ndarray
            Samples of shape ``(n,)``, or ``(n, d)`` if ``d`` is given.
        """
        draw: Any = np.random if rng is None else rng
        samples = np.full(self._sample_shape(n, d), np.inf)
        while True:
            missing = np.abs(samples) > self.limit
            count = int(np.count_nonzero(missing))
            if count == 0:
                return self.mean + samples
            samples[missing] = self._proposals(draw, count)

    def _proposals(self, rng: Any, count: int) -> npt.NDArray[np.float64]:
        """Draw deviations from the mean; infinite ones are to be drawn again.

        Of a normal distribution few values would be within a narrow limit, while the
        density varies little there: a uniform distribution, of which each value is kept
        with a probability proportional to the density, then loses at most 15%.
        """
        if self.limit > self.stddev:
            normal: npt.NDArray[np.float64] = rng.normal(0, self.stddev, size=count)
            return normal
        values = rng.uniform(-self.limit, self.limit, size=count)
        kept = rng.uniform(size=count) < np.exp(-((values / self.stddev) ** 2) / 2)
        return np.where(kept, values, np.inf)


class VarianceScaling(Distribution):
    """Distribution whose variance depends on the shape of the weight matrix.

    The variance is ``scale / fan``, as in `keras.initializers.VarianceScaling`. For
    weights of shape ``(n, d)`` the number of outputs (fan-out) is ``n`` and the number
    of inputs (fan-in) ``d``, or one if there is no ``d``.

    Parameters
    ----------
    scale : float
        Factor of the variance.
    mode : "fan_in" or "fan_out" or "fan_avg"
        Which number the variance is divided by: of inputs, of outputs, or their
        average.
    distribution : "uniform" or "normal"
        Shape of the distribution. The normal one is truncated at two standard
        deviations.

    Raises
    ------
    nengo.exceptions.ValidationError
        If the scale is not positive, or a name is unknown.
    """

    scale = NumberParam("scale", low=0, low_open=True)
    mode = EnumParam("mode", values=("fan_in", "fan_out", "fan_avg"))
    distribution = EnumParam("distribution", values=("uniform", "normal"))

    def __init__(
        self, scale: float = 1, mode: str = "fan_avg", distribution: str = "uniform"
    ) -> None:
        super().__init__()
        self.scale = scale
        self.mode = mode
        self.distribution = distribution

    def sample(
        self, n: int, d: int | None = None, rng: np.random.RandomState | None = None
    ) -> npt.NDArray[np.float64]:
        """Draw samples.

        Parameters
        ----------
        n : int
            Number of samples, which is the number of outputs of a weight matrix.
        d : int, optional
            Dimensions of a sample, which is the number of inputs of a weight matrix.
        rng : numpy.random.RandomState, optional
            Random number generator; NumPy's global one by default.

        Returns
        -------
        samples : ndarray
            Samples of shape ``(n,)``, or ``(n, d)`` if ``d`` is given.
        """
        fan_in = 1 if d is None else d
        fans = {"fan_in": fan_in, "fan_out": n, "fan_avg": (fan_in + n) / 2}
        stddev = np.sqrt(self.scale / fans[self.mode])
        if self.distribution == "normal":
            return TruncatedNormal(stddev=stddev / _TRUNCATED_STD).sample(n, d, rng)
        limit = np.sqrt(3) * stddev
        draw: Any = np.random if rng is None else rng
        samples: npt.NDArray[np.float64] = draw.uniform(
            -limit, limit, size=self._sample_shape(n, d)
        )
        return samples


class _WeightScaling(Distribution):
    """Variance scaling whose ``scale`` is a factor of the weights."""

    mode: ClassVar[str]

    scale = NumberParam("scale", low=0, low_open=True)
    distribution = EnumParam("distribution", values=("uniform", "normal"))

    def __init__(self, scale: float, distribution: str) -> None:
        super().__init__()
        self.scale = scale
        self.distribution = distribution

    def sample(
        self, n: int, d: int | None = None, rng: np.random.RandomState | None = None
    ) -> npt.NDArray[np.float64]:
        """Draw samples; see `VarianceScaling.sample`."""
        scaling = VarianceScaling(self.scale**2, self.mode, self.distribution)
        return scaling.sample(n, d, rng)


class Glorot(_WeightScaling):
    """Initial weights that keep the variance of signals and of gradients.

    Also known as Xavier initialisation [1]_. The variance is ``2 scale^2 / (n + d)``
    for ``n`` outputs and ``d`` inputs.

    Parameters
    ----------
    scale : float
        Factor of the weights: the square root of two for rectified linear neurons,
        otherwise usually one.
    distribution : "uniform" or "normal"
        Shape of the distribution.

    References
    ----------
    .. [1] Glorot, X. and Bengio, Y. "Understanding the difficulty of training deep
       feedforward neural networks." AISTATS 2010, equations 12 and 16.
    """

    mode = "fan_avg"

    def __init__(self, scale: float = 1, distribution: str = "uniform") -> None:
        super().__init__(scale, distribution)


class He(_WeightScaling):
    """Initial weights that keep the variance of signals in deep networks.

    The variance is ``scale^2 / d`` for ``d`` inputs [1]_.

    Parameters
    ----------
    scale : float
        Factor of the weights: the square root of two for rectified linear neurons,
        otherwise usually one.
    distribution : "uniform" or "normal"
        Shape of the distribution.

    References
    ----------
    .. [1] He, K., Zhang, X., Ren, S., and Sun, J. "Delving deep into rectifiers:
       surpassing human-level performance on ImageNet classification." ICCV 2015,
       equation 10.
    """

    mode = "fan_in"

    def __init__(self, scale: float = 1, distribution: str = "normal") -> None:
        super().__init__(scale, distribution)
