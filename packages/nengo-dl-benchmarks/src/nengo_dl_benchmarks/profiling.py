"""Profile a network: in all, and by groups of operators."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import nengo
from nengo.connection import LearningRule
from nengo.ensemble import Neurons

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
        The object of the network that one of them belongs to.
    forward : float
        Seconds spent in the group.
    gradient : float
        Seconds spent in its gradient, which is computed in training.
    """

    operators: str
    number: int
    example: str
    forward: float
    gradient: float

    @property
    def seconds(self) -> float:
        """Time spent in both."""
        return self.forward + self.gradient


@dataclass(frozen=True)
class Profile:
    """What a network takes.

    Parameters
    ----------
    seconds : float
        Shortest run.
    profiled : float
        The last run.
    groups : tuple of GroupTime
        Time by operator groups in the last run, the longest first; empty if it was not
        profiled, or TensorFlow does not tell.
    """

    seconds: float
    profiled: float
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
                sim.fit(inputs, targets, n_steps=n_steps, epochs=1, verbose=0)
            else:
                sim.run_steps(n_steps, data=inputs)
            return perf_counter() - start

        run()
        durations = [run() for _ in range(reps - 1)]
        with tf.profiler.experimental.Profile(str(logdir)) if logdir else nullcontext():
            durations.append(run())
        groups = _group_times(sim, logdir) if logdir else ()
    return Profile(min(durations), durations[-1], groups)


def _group_times(sim: Any, logdir: Path) -> tuple[GroupTime, ...]:
    """Find the groups in the profile by the scopes that they are built in."""
    program = sim.program
    plan = program.optimized.plan
    seconds = time_by_scope(logdir, [type(group[0]).__name__ for group in plan])
    if seconds is None:
        return ()
    groups = []
    for (op, *others), taken in zip(plan, seconds, strict=True):
        owner = program.owners.owner(op)
        example = str(op) if owner is None else describe(owner)
        groups.append(GroupTime(type(op).__name__, 1 + len(others), example, *taken))
    return tuple(sorted(groups, key=lambda group: group.seconds, reverse=True))


def describe(obj: Any) -> str:
    """Name an object of a network, in few words.

    Parameters
    ----------
    obj : object
        For example an ensemble or a connection.

    Returns
    -------
    words : str
        Its label, or its type if it has none.

    Examples
    --------
    >>> with nengo.Network():
    ...     a = nengo.Ensemble(10, 1, label="a")
    ...     b = nengo.Node(size_in=1)
    ...     describe(nengo.Connection(a.neurons[:1], b))
    'a to Node'
    """
    if isinstance(obj, nengo.Connection):
        return f"{describe(obj.pre_obj)} to {describe(obj.post_obj)}"
    if isinstance(obj, nengo.Probe):
        return f"probe of {describe(obj.obj)}"
    if isinstance(obj, Neurons):
        return describe(obj.ensemble)
    if isinstance(obj, LearningRule):
        return f"{obj.learning_rule_type} of {describe(obj.connection)}"
    return getattr(obj, "label", None) or type(obj).__name__
