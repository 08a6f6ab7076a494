"""Simulating a Nengo network with NumPy, by an optimized plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import nengo
import numpy as np
from nengo.builder import Model
from nengo.builder.operator import Operator, TimeUpdate
from nengo.builder.signal import Signal
from numpy.typing import DTypeLike, NDArray

from ..decoders import SharedDecoderBuilder
from ..graph import OperatorGraph, SignalFacts
from ..merging import written_signals
from ..pipeline import optimize
from .executor import NumPyExecutor
from .kernels import KernelMaker


class NumPySimulator:
    """Simulates a Nengo network as `nengo.Simulator` does, by an optimized plan.

    It gives the values that ``nengo.Simulator(..., optimize=False)`` gives, but for
    rounding, with the same noise for the same seed.

    Parameters
    ----------
    network : nengo.Network, optional
        The network. It may be left out if ``model`` is given.
    dt : float
        The length of a step, in seconds.
    seed : int, optional
        The seed of processes that have none; by default one more than that of the
        network, or else any.
    model : nengo.builder.Model, optional
        The model into which the network is built, or a model that is built already.
    n_items : int, optional
        How many simulations to run at once, each with noise of its own: item ``i`` as
        if its seed were ``seed + i``. Values then have an axis for them.
    float_type : data type, optional
        The type of floating point signals, by default float64.
    kernels : mapping of type to KernelMaker, optional
        See `NumPyExecutor`.

    Attributes
    ----------
    model : nengo.builder.Model
        The model.
    executor : NumPyExecutor
        Runs its operators.
    data : mapping
        For each probe its values so far, ``(n_samples, [n_items,] size)``, and for
        other objects of the network what the model knows about them.

    Examples
    --------
    >>> import nengo
    >>> from nengo_dl_optimizer import NumPySimulator
    >>> with nengo.Network(seed=0) as net:
    ...     ensemble = nengo.Ensemble(50, 1)
    ...     _ = nengo.Connection(nengo.Node([0.5]), ensemble)
    ...     probe = nengo.Probe(ensemble, synapse=0.01)
    >>> sim = NumPySimulator(net)
    >>> sim.run(0.1)
    >>> sim.data[probe].shape
    (100, 1)
    """

    def __init__(
        self,
        network: nengo.Network | None = None,
        dt: float = 0.001,
        seed: int | None = None,
        model: Model | None = None,
        n_items: int | None = None,
        float_type: DTypeLike | None = None,
        kernels: Mapping[type[Operator], KernelMaker] | None = None,
    ) -> None:
        if model is None:
            model = Model(dt=dt, builder=SharedDecoderBuilder())
        self.model = model
        if network is not None:
            self.model.build(network)
        if seed is None:
            known = None if network is None else network.seed
            seed = (
                int(np.random.default_rng().integers(2**31))
                if known is None
                else known + 1
            )
        facts = {} if n_items is None else changing(self.model.operators)
        self.executor = NumPyExecutor(
            optimize(OperatorGraph(self.model.operators, facts)),
            dt=self.model.dt,
            seed=seed,
            n_items=n_items,
            float_type=float_type,
            kernels=kernels,
        )
        self.data = ProbeData(self.model)

    @property
    def dt(self) -> float:
        """The length of a step, in seconds."""
        return self.executor.dt

    @property
    def n_steps(self) -> int:
        """The number of steps so far."""
        return self.executor.n_steps

    @property
    def time(self) -> float:
        """The time that has been simulated, in seconds."""
        return self.n_steps * self.dt

    def run(self, time_in_seconds: float) -> None:
        """Simulate for some time, rounded to whole steps.

        Parameters
        ----------
        time_in_seconds : float
            How long, in seconds.
        """
        self.run_steps(round(time_in_seconds / self.dt))

    def run_steps(self, n_steps: int) -> None:
        """Simulate some steps.

        Parameters
        ----------
        n_steps : int
            The number of steps.
        """
        probes = self.model.probes
        kept: list[NDArray[np.bool_] | None] = [None] * len(probes)
        if any(probe.sample_every is not None for probe in probes):
            numbers = np.arange(self.n_steps + 1, self.n_steps + n_steps + 1)
            kept = [_sampled(numbers, probe.sample_every, self.dt) for probe in probes]
        signals = [self.model.sig[probe]["in"] for probe in probes]
        values = self.executor.run(n_steps, signals, kept=kept)
        memory = self.executor.memory
        for probe, signal, value in zip(probes, signals, values, strict=True):
            if memory.n_items is not None and not memory.is_minibatched(signal):
                value = np.repeat(value[:, None], memory.n_items, axis=1)
            self.data.append(probe, value)

    def step(self) -> None:
        """Simulate one step."""
        self.run_steps(1)

    def trange(self, sample_every: float | None = None) -> NDArray[np.float64]:
        """Return the times of the values of a probe.

        Parameters
        ----------
        sample_every : float, optional
            The probe's sampling period in seconds; by default it samples every step.
        """
        numbers = np.arange(1, self.n_steps + 1)
        sampled = numbers[_sampled(numbers, sample_every, self.dt)]
        return (self.dt * sampled).astype(np.float64)

    def reset(self, seed: int | None = None) -> None:
        """Begin again, without any values of probes.

        Parameters
        ----------
        seed : int, optional
            The seed of processes that have none, by default the same as before.
        """
        self.executor.reset(seed)
        self.data = ProbeData(self.model)


class ProbeData(Mapping[Any, Any]):
    """The values of probes, and what a model knows about other objects.

    Parameters
    ----------
    model : nengo.builder.Model
        The model.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._values: dict[nengo.Probe, list[NDArray[Any]]] = {
            probe: [] for probe in model.probes
        }

    def append(self, probe: nengo.Probe, values: NDArray[Any]) -> None:
        """Add the values of further steps."""
        self._values[probe].append(values)

    def __getitem__(self, key: Any) -> Any:
        if key not in self._values:
            return self._model.params[key]
        values = self._values[key]
        if len(values) > 1:
            values[:] = [np.concatenate(values)]
        return values[0] if values else np.zeros((0, key.size_in))

    def __iter__(self) -> Iterator[Any]:
        return iter(dict.fromkeys([*self._values, *self._model.params]))

    def __len__(self) -> int:
        return len(list(iter(self)))


def _sampled(
    numbers: NDArray[np.int64], sample_every: float | None, dt: float
) -> NDArray[np.bool_]:
    """Tell after which steps there is a sample, as `nengo.Simulator` chooses them."""
    return numbers % (1 if sample_every is None else sample_every / dt) < 1


def changing(operators: Iterable[Operator]) -> dict[Signal, SignalFacts]:
    """Return the facts that all signals that change have a minibatch axis.

    Parameters
    ----------
    operators : iterable of Operator
        The operators of a model. Their clock is the same for all items.
    """
    return {
        signal.base: SignalFacts(minibatched=True)
        for op in operators
        if type(op) is not TimeUpdate
        for signal in written_signals(op)
    }
