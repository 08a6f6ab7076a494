"""Runs one network many times, with other seeds and parameters."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from threading import local
from typing import Any

import nengo
import numpy as np
from nengo.cache import NoDecoderCache
from nengo.exceptions import ValidationError

from nengo_dl_core.engine.executor import Array
from nengo_dl_core.network.build import empty_model
from nengo_dl_core.network.garbage import only_new_garbage
from nengo_dl_core.network.thread_pools import one_thread
from nengo_dl_core.program.program import Program, make_program
from nengo_dl_core.simulator import Simulator
from nengo_dl_core.sweeps.executable import Executable
from nengo_dl_core.sweeps.fingerprint import fingerprint
from nengo_dl_core.sweeps.store import Store, described

Make = Callable[..., nengo.Network]
Variant = Mapping[str, Any]
Results = dict[str, Array]

# How many executables a thread keeps. Each takes a few megabytes.
_MANY = 64


class _Executables(local):
    """What the present thread has compiled, for the variants that are still to come."""

    def __init__(self) -> None:
        self.found: OrderedDict[str, Executable] = OrderedDict()

    def of(self, key: str, program: Program) -> Executable:
        """Find the executable with a fingerprint, or make it of a program."""
        if key not in self.found:
            self.found[key] = Executable(program)
            if len(self.found) > _MANY:
                self.found.popitem(last=False)
        self.found.move_to_end(key)
        return self.found[key]


_executables = _Executables()


def sweep(
    make: Make,
    variants: Iterable[Variant],
    time: float,
    *,
    dt: float = 0.001,
    n_jobs: int | None = None,
    store: str | os.PathLike[str] | None = None,
) -> list[Results]:
    """Run one network many times, with other seeds and parameters.

    Networks that differ in the values of their weights, biases, gains, inputs and
    seeds alone are run by one executable, which is compiled once and takes the values
    of one network after the other. Others, as those of other sizes or time constants,
    or other seeds of random neurons, have executables of their own. What a variant
    computes is, to the bit, what a simulator computes for it alone that is compiled
    (``jit_compile=True``) and that solves for decoders in one thread; networks that
    cannot be compiled, or that have Keras layers or operators of a user, are run by a
    `Simulator` each.

    Parameters
    ----------
    make : callable
        Makes the network of a variant, called with its parameters. The network must
        have a seed. It is also the seed of the simulation, as in `Simulator`.
    variants : list of dict of {str: object}
        Parameters of each variant.
    time : float
        Simulated time in seconds, rounded to whole steps.
    dt : float
        Length of a step, in seconds.
    n_jobs : int, optional
        Number of processes that share the variants, as in `joblib.Parallel`: -1 is one
        for each processor, None leaves it to `joblib.parallel_config`, which also
        chooses other machines, by Dask for example.
    store : str or path, optional
        Folder to keep the results in, each as soon as it is known. What is there
        already is not computed again. By default nothing is kept.

    Returns
    -------
    results : list of dict of {str: ndarray}
        For each variant what its Probes have recorded, ``(n_samples, size)``, by the
        names of the Probes: their labels, or else ``"probe"``, ``"probe_1"``, ...

    Raises
    ------
    ModuleNotFoundError
        If joblib is not installed.
    nengo.exceptions.ValidationError
        If the time is less than a step, a variant is no dictionary, a network has no
        seed, or the store has results of another sweep.

    Notes
    -----
    What ``make`` raises for a variant ends the sweep, with the variant in a note.

    Examples
    --------
    >>> import nengo, nengo_dl_core
    >>> def make(seed, gain):
    ...     with nengo.Network(seed=seed) as net:
    ...         stimulus = nengo.Node(0.5)
    ...         ensemble = nengo.Ensemble(20, 1)
    ...         nengo.Connection(stimulus, ensemble, transform=gain)
    ...         nengo.Probe(ensemble, synapse=0.05, label="decoded")
    ...     return net
    >>> variants = [{"seed": s, "gain": g} for s in (0, 1) for g in (0.4, 0.8)]
    >>> results = nengo_dl_core.sweep(make, variants, time=0.1)
    >>> [result["decoded"].shape for result in results]
    [(100, 1), (100, 1), (100, 1), (100, 1)]
    """
    joblib = _joblib()
    variants = list(variants)
    for variant in variants:
        if not isinstance(variant, Mapping):
            raise ValidationError(
                f"a variant is a dictionary of arguments of {make!r}, not {variant!r}",
                attr="variants",
            )
    n_steps = int(np.round(time / dt)) if time > 0 else 0
    if n_steps < 1:
        raise ValidationError(
            f"must be at least a step of {dt} s (got {time})", attr="time"
        )
    kept = None if store is None else Store(store, described(make, n_steps, dt))
    keys = [joblib.hash(dict(variant)) for variant in variants] if kept else []
    tasks = [
        (index, variant)
        for index, variant in enumerate(variants)
        if kept is None or not kept.has(keys[index])
    ]
    parallel = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered")
    run = joblib.delayed(_simulated)
    found: dict[int, Results] = {}
    try:
        for index, results in parallel(run(make, *task, n_steps, dt) for task in tasks):
            found[index] = results
            if kept is not None:
                kept.save(keys[index], results)
    finally:
        _executables.found.clear()  # of this thread, if it has taken part
    if kept is not None:
        earlier = set(range(len(variants))) - found.keys()
        found |= {index: kept.load(keys[index]) for index in earlier}
    return [found[index] for index in range(len(variants))]


def _joblib() -> Any:
    try:
        import joblib
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "sweep needs joblib: pip install nengo-dl-core[sweep]", name=error.name
        ) from error
    return joblib


def _simulated(
    make: Make, index: int, variant: Variant, n_steps: int, dt: float
) -> tuple[int, Results]:
    """Simulate a variant, in whatever process."""
    try:
        return index, _simulate(make, variant, n_steps, dt)
    except Exception as error:
        error.add_note(f"in the variant {dict(variant)} of a sweep")
        raise


def _simulate(make: Make, variant: Variant, n_steps: int, dt: float) -> Results:
    network = make(**variant)
    if not isinstance(network, nengo.Network):
        raise ValidationError(f"must return a nengo.Network, not {network!r}", "make")
    if network.seed is None:
        raise ValidationError(
            "the network has no seed, so that nobody could run it again; give it one "
            "with nengo.Network(seed=...)",
            attr="seed",
            obj=network,
        )
    seed = network.seed + 1
    with one_thread(), only_new_garbage():
        model = empty_model(network, dt, NoDecoderCache())
        model.build(network)
        program = make_program(model)
        key = fingerprint(program)
    names = program.probe_names
    if key is not None:
        values = _executables.of(key, program).run(program, seed, n_steps)
        return dict(zip(names.values(), values, strict=True))
    with Simulator(None, seed=seed, model=model, progress_bar=False) as sim:
        sim.run_steps(n_steps)
        return {name: sim.data[probe] for probe, name in names.items()}
