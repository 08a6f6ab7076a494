"""A spiking network that predicts a series from its own predictions."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import Any

import nengo
import numpy as np
import numpy.typing as npt
import scipy

from nengo_dl_benchmarks.accuracy.mackey_glass import POINTS, mackey_glass, smape
from nengo_dl_benchmarks.accuracy.scores import Score

Array = npt.NDArray[Any]

DT = 0.001
GAIN = 2.0  # of the neurons, which the weights before them make up for
LYAPUNOV_TIMES = 10  # to learn from, and as many to be tested on
N_REPEATS = 30  # each begins half a Lyapunov time after the one before
N_BUMPS, RIDGE = 20, 1e-3
N_EVALUATIONS = 40  # of the search for the direction


@dataclass(frozen=True)
class Fitted:
    """What has been learned of a series.

    Parameters
    ----------
    direction : (n_delays,) array
        Weights of the past values in what the neurons see, which adds up to 1 without
        signs.
    thresholds : (n_neurons,) array
        What the neurons see when they begin to spike.
    linear : (n_delays,) array
        Weights of the past values in the prediction.
    decoders : (n_neurons,) array
        Weights of the spikes in it.
    constant : float
        What is added to it.
    """

    direction: Array
    thresholds: Array
    linear: Array
    decoders: Array
    constant: float


@dataclass(frozen=True)
class Forecaster:
    """A network that predicts the next value of a series from the last ones.

    Delays keep the last values. Their weighted sum is the next value, but for a
    function of one other weighted sum of them, the direction, which neurons compute:
    they spike in each step in which this sum is above their threshold, one neuron for
    each of many thresholds. What is learned are both sums, and the decoders of the
    neurons.

    Parameters
    ----------
    n_neurons : int
        Number of neurons.
    n_delays : int
        Number of values that are kept.
    repeats : int
        How many parts of the series are learned and predicted in all; as in NeuroBench
        each begins half a Lyapunov time after the one before. A third of them belongs
        to each of three seeds.
    """

    n_neurons: int = 1000
    n_delays: int = 14
    repeats: int = N_REPEATS

    def __str__(self) -> str:
        return f"1–{self.n_neurons}–1, {self.n_delays} delays"

    def score(self, task: str, seed: int) -> Score:
        """Learn parts of the series, predict how they go on, and measure.

        Parameters
        ----------
        task : str
            What it is called in the score.
        seed : int
            Which parts: those that begin after ``seed``, ``seed + 3``, ... half
            Lyapunov times.

        Returns
        -------
        score : Score
            Means over the parts.
        """
        series = mackey_glass((self.repeats - 1) / 2 + 2 * LYAPUNOV_TIMES)
        n = LYAPUNOV_TIMES * POINTS
        errors, seconds, metrics = [], 0.0, None
        for repeat in range(seed % 3, self.repeats, 3):
            first = int(repeat * POINTS / 2)
            past, future = np.split(series[first : first + 2 * n], 2)
            start = perf_counter()
            fitted = fit(past, self.n_delays, self.n_neurons)
            seconds += perf_counter() - start
            predicted, metrics = predict(fitted, past, n)
            errors.append(smape(predicted, future))
        assert metrics is not None
        return Score(
            task=task,
            network=str(self),
            seed=seed,
            figure="sMAPE",
            value=float(np.mean(errors)),
            n_steps=1,
            dense_operations=metrics.dense_operations / metrics.n_steps,
            effective_macs=metrics.effective_macs / metrics.n_steps,
            effective_acs=metrics.effective_acs / metrics.n_steps,
            footprint=metrics.footprint,
            seconds=seconds / len(errors),
        )


def fit(series: Array, n_delays: int, n_neurons: int) -> Fitted:
    """Learn a series.

    The direction is found by least squares, in which bumps take the place of neurons
    and all weights that the prediction is linear in are solved for in each evaluation
    (variable projection [1]_). Then the decoders are solved for, with a ridge.

    Parameters
    ----------
    series : (n_points,) array
        The values.
    n_delays, n_neurons : int
        As for `Forecaster`.

    Returns
    -------
    fitted : Fitted
        The parameters.

    References
    ----------
    .. [1] Golub, G. H. and Pereyra, V. "The differentiation of pseudo-inverses and
       nonlinear least squares problems whose variables separate." SIAM Journal on
       Numerical Analysis 10 (1973).
    """
    past = np.lib.stride_tricks.sliding_window_view(series[:-1], n_delays)[:, ::-1]
    following = series[n_delays:]
    ones = np.ones((len(past), 1))

    def normalized(direction: Array) -> Array:
        return np.asarray(direction / np.abs(direction).sum())

    def residuals(direction: Array) -> Array:
        seen = past @ normalized(direction)
        centers, distance = np.linspace(
            seen.min(), seen.max(), N_BUMPS, retstep=True, dtype=float
        )
        bumps = np.exp(-(((seen[:, None] - centers) / distance) ** 2) / 4.5)
        features = np.hstack([past, ones, bumps])
        weights = _ridge(features, following, np.full(features.shape[1], 1e-12))
        return np.asarray(1000 * (features @ weights - following))

    first = np.zeros(n_delays)
    first[n_delays // 3 : n_delays // 2] = 1
    found = scipy.optimize.least_squares(residuals, first, max_nfev=N_EVALUATIONS)
    direction = normalized(found.x)
    seen = past @ direction
    thresholds = np.linspace(seen.min(), seen.max(), n_neurons, endpoint=False)
    features = np.hstack([past, ones, seen[:, None] > thresholds])
    ridge = np.full(features.shape[1], RIDGE)
    ridge[: n_delays + 1] = 1e-6
    linear, constant, decoders = np.split(
        _ridge(features, following, ridge), [n_delays, n_delays + 1]
    )
    return Fitted(direction, thresholds, linear, decoders, float(constant[0]))


def _ridge(features: Array, targets: Array, ridge: Array) -> Array:
    """Solve for weights of which the squares count, too."""
    left = np.vstack([features, np.diag(np.sqrt(ridge))])
    right = np.concatenate([targets, np.zeros(len(ridge))])
    return np.asarray(scipy.linalg.lstsq(left, right, lapack_driver="gelsy")[0])


def network(fitted: Fitted) -> nengo.Network:
    """Build the network.

    Parameters
    ----------
    fitted : Fitted
        Its parameters.

    Returns
    -------
    net : nengo.Network
        The input Node ``net.x`` takes a value, the Probe ``net.probe`` records what is
        predicted to be the next one.
    """
    from nengo_dl_core import Delay, configure_settings

    n_delays, n_neurons = len(fitted.direction), len(fitted.thresholds)
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64", inference_only=True)
        net.x = nengo.Node(np.zeros(1), label="value")
        past = nengo.Node(size_in=n_delays, label="past")
        seen = nengo.Node(size_in=1, label="direction")
        following = nengo.Node(size_in=1, label="prediction")
        one = nengo.Node([1.0], label="constant")
        # The time constant is so short that they forget all from one step to the next.
        neurons = nengo.Ensemble(
            n_neurons,
            1,
            neuron_type=nengo.LIF(tau_rc=DT / 50, tau_ref=0, amplitude=DT),
            gain=np.full(n_neurons, GAIN),
            bias=1 - fitted.thresholds,
            label="thresholds",
        ).neurons
        nengo.Connection(net.x, past[0], synapse=None)
        # What comes through a synapse is a step later already.
        nengo.Connection(
            net.x,
            past[1:],
            transform=np.ones((n_delays - 1, 1)),
            synapse=Delay(range(n_delays - 1)),
        )
        for source, target, weights in (
            (past, seen, fitted.direction[None]),
            (seen, neurons, np.full((n_neurons, 1), 1 / GAIN)),
            (past, following, fitted.linear[None]),
            (neurons, following, fitted.decoders[None]),
            (one, following, [[fitted.constant]]),
        ):
            nengo.Connection(source, target, transform=weights, synapse=None)
        net.probe = nengo.Probe(following)
    return net


def predict(fitted: Fitted, past: Array, n_steps: int) -> tuple[Array, Any]:
    """Predict how a series goes on, each value from those that were predicted before.

    Parameters
    ----------
    fitted : Fitted
        Parameters of the network.
    past : (n_points,) array
        The values before.
    n_steps : int
        How many values to predict.

    Returns
    -------
    predicted : (n_steps,) array
        The values.
    metrics : nengo_dl_core.NetworkMetrics
        What the network takes for this.
    """
    from nengo_dl_core import Simulator, measure

    net = network(fitted)
    given = list(past[-len(fitted.direction) :])
    with Simulator(net, dt=DT, progress_bar=False) as sim:
        sim.run_steps(len(given), data={net.x: np.reshape(given, (1, -1, 1))})
        for _ in range(n_steps - 1):
            given.append(sim.data[net.probe][-1, 0])
            sim.run_steps(1, data={net.x: np.reshape(given[-1], (1, 1, 1))})
        given.append(sim.data[net.probe][-1, 0])
        metrics = measure(sim, {net.x: np.reshape(given[:-1], (1, -1, 1))})
    return np.array(given[-n_steps:]), metrics
