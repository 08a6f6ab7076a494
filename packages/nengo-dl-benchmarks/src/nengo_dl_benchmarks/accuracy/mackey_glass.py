"""The chaotic series of Mackey and Glass, and how well predictions of it are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

Array = npt.NDArray[Any]

TAU, BETA, GAMMA, POWER = 17.0, 0.2, 0.1, 10
PAST = 0.7206597  # the constant value before time 0
LYAPUNOV_TIME, POINTS = 197.0, 75  # the time, and how many points are taken in it


def mackey_glass(n_lyapunov_times: float) -> Array:
    r"""Compute a series as NeuroBench has it.

    It is the solution of

    .. math:: \dot x = 0.2 \frac{x(t - 17)}{1 + x(t - 17)^{10}} - 0.1 x(t)

    from a constant past on, with 75 points in each Lyapunov time. Within 17 units of
    time what came before is known, so that the equation is linear and has a closed
    form: an integral, which is computed by Simpson's rule at 1,700 points.

    Parameters
    ----------
    n_lyapunov_times : float
        Length of the series.

    Returns
    -------
    series : (n_points,) array
        The values, from time 0 on.

    References
    ----------
    .. [1] Mackey, M. C. and Glass, L. "Oscillation and chaos in physiological control
       systems." Science 197 (1977), equation 4b.
    .. [2] Yik, J. et al. "The NeuroBench framework for benchmarking neuromorphic
       computing algorithms and systems." Nature Communications 16 (2025), "Chaotic
       function prediction": the time series and how it is divided.

    Examples
    --------
    >>> mackey_glass(1).shape
    (75,)
    """
    n_points = round(n_lyapunov_times * POINTS)
    step = LYAPUNOV_TIME / POINTS
    time = np.linspace(0, TAU, 1701)
    pieces = [np.full(len(time), PAST)]
    for _ in range(int(n_points * step / TAU) + 1):
        delayed = pieces[-1]
        growth = np.exp(GAMMA * time)
        drive = growth * BETA * delayed / (1 + delayed**POWER)
        gained = scipy.integrate.cumulative_simpson(drive, x=time, initial=0)
        pieces.append((delayed[-1] + gained) / growth)
    whole = np.concatenate([pieces[1][:1], *(piece[1:] for piece in pieces[1:])])
    times = np.linspace(0, TAU * (len(pieces) - 1), len(whole))
    return np.asarray(
        scipy.interpolate.CubicSpline(times, whole)(np.arange(n_points) * step)
    )


def smape(predicted: Array, true: Array) -> float:
    """Compute the symmetric mean absolute percentage error.

    Parameters
    ----------
    predicted, true : (n,) array
        The values.

    Returns
    -------
    error : float
        From 0 to 200, in percent.

    Examples
    --------
    >>> smape(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    50.0
    """
    size = np.abs(predicted) + np.abs(true)
    return float(200 * np.mean(np.abs(predicted - true) / size))
