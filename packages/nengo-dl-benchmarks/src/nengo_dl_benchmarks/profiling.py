"""Profile a network: in all, and by groups of operators."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import nengo
from nengo.builder.operator import Operator

from nengo_dl_benchmarks.random_data import random_inputs, random_targets
from nengo_dl_benchmarks.trace import time_by_scope


@dataclass(frozen=True)
class GroupTime:
    """What a group of operators takes of a run.

    Parameters
    ----------
    operators : str
        Type of its operators.
    number : int
        How many they are.
    example : str
        The signal that one of them writes, which tells where it is in the network.
    seconds : float
        Time spent in the group.
    """

    operators: str
    number: int
    example: str
    seconds: float


@dataclass(frozen=True)
class Profile:
    """What a network takes.

    Parameters
    ----------
    seconds : float
        Shortest run.
    groups : tuple of GroupTime
        Time by operator groups in the last run, the longest first; empty if it was not
        profiled, or TensorFlow does not tell.
    """

    seconds: float
    groups: tuple[GroupTime, ...] = ()


def run_profile(
    net: nengo.Network,
    train: bool = False,
    n_steps: int = 150,
    do_profile: bool = True,
    reps: int = 1,
    dtype: str = "float32",
    **kwargs: Any,
) -> float:
    """Profile a network.

    A profile that TensorBoard opens is written to the folder ``profiles``. One run
    before those that count compiles the network.

    Parameters
    ----------
    net : nengo.Network
        The network. Its settings for ``dtype`` and ``inference_only`` are changed.
    train : bool
        Profile `Simulator.fit`, instead of `Simulator.run_steps`.
    n_steps : int
        Number of steps of a run.
    do_profile : bool
        Whether to write a profile; if not, the time is all.
    reps : int
        Number of runs; the last one is profiled.
    dtype : str
        Type of the simulation, ``"float32"`` or ``"float64"``.
    **kwargs
        Passed on to `nengo_dl.Simulator`.

    Returns
    -------
    exec_time : float
        Seconds of the shortest run.

    Examples
    --------
    >>> import nengo_dl_benchmarks
    >>> net = nengo_dl_benchmarks.integrator(2, 20, nengo.LIF())
    >>> run_profile(net, do_profile=False, progress_bar=False) > 0
    True
    """
    logdir = Path("profiles") if do_profile else None
    return profile(net, train, n_steps, logdir, reps, dtype, **kwargs).seconds


def profile(
    net: nengo.Network,
    train: bool = False,
    n_steps: int = 150,
    logdir: Path | None = None,
    reps: int = 1,
    dtype: str = "float32",
    **kwargs: Any,
) -> Profile:
    """Profile a network, by groups of operators too.

    Parameters
    ----------
    net, train, n_steps, reps, dtype, **kwargs
        As for `run_profile`.
    logdir : Path, optional
        Folder for TensorFlow's profile; without it there is none.

    Returns
    -------
    profile : Profile
        The time of the shortest run, and the groups' part in the last one.
    """
    # Whoever wants but a network need not wait for TensorFlow, or have it.
    import tensorflow as tf

    from nengo_dl_core import Simulator, configure_settings

    with net:
        configure_settings(dtype=dtype, inference_only=not train)
    with Simulator(net, **{"progress_bar": False, **kwargs}) as sim:
        batch_size = sim.minibatch_size or 1
        inputs = random_inputs(net, batch_size, n_steps)
        if train:
            targets = random_targets(net, batch_size, n_steps)
            sim.compile(optimizer="sgd", loss="mse")

        def run() -> float:
            start = perf_counter()
            if train:
                sim.fit(inputs, targets, epochs=1, verbose=0)
            else:
                sim.run_steps(n_steps, data=inputs)
            return perf_counter() - start

        run()
        durations = [run() for _ in range(reps - 1)]
        with tf.profiler.experimental.Profile(str(logdir)) if logdir else nullcontext():
            durations.append(run())
        plan = sim.tensor_graph.optimized.plan
        groups = _group_times(plan, logdir) if logdir else ()
    return Profile(min(durations), groups)


def _group_times(
    plan: Sequence[Sequence[Operator]], logdir: Path
) -> tuple[GroupTime, ...]:
    """Find the groups in the profile by the scopes that they are built in."""
    seconds = time_by_scope(logdir, [type(group[0]).__name__ for group in plan])
    if seconds is None:
        return ()
    groups = [
        GroupTime(type(group[0]).__name__, len(group), _example(group[0]), taken)
        for group, taken in zip(plan, seconds, strict=True)
    ]
    return tuple(sorted(groups, key=lambda group: group.seconds, reverse=True))


def _example(op: Operator) -> str:
    written = [*op.sets, *op.incs, *op.updates]
    return written[0].name if written else str(op)
