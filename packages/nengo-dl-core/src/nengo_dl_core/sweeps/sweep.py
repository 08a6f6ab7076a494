"""Runs one network many times, with other seeds and parameters."""

from __future__ import annotations

import os
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import local
from typing import Any

import nengo
import numpy as np
from nengo.builder import Model
from nengo.cache import NoDecoderCache
from nengo.exceptions import ValidationError

from nengo_dl_core.argument_checks import check_positive_integer
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
    minibatch_size: int = 1,
    n_jobs: int | None = None,
    store: str | os.PathLike[str] | None = None,
) -> list[Results]:
    """Run one network many times, with other seeds and parameters.

    Networks that differ in the values of their weights, biases, gains, inputs and
    seeds alone are run by one executable, which is compiled once and takes the values
    of one network after the other, or of as many at once as the minibatch has items.
    Others, as those of other sizes or time constants, or other seeds of random neurons,
    have executables of their own. By default a variant computes, to the bit, what a
    simulator computes for it alone that is compiled (``jit_compile=True``) and that
    solves for decoders in one thread; networks that cannot be compiled, or that have
    Keras layers or operators of a user, are run by a `Simulator` each.

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
    minibatch_size : int
        How many variants that follow each other are built, and then run at once, those
        of which only values differ. With 16, a step of a single ensemble of 20 neurons
        takes a fifth of the time, of 200 neurons three quarters; compiling takes longer
        the more there are. Their last bits may differ, see the notes. Networks with
        sparse matrices, convolutions, random neurons, learned delays, bfloat16 or
        numbers of few bits run one after the other all the same.
    n_jobs : int, optional
        Number of processes that share the variants, as in `joblib.Parallel`: -1 is one
        for each processor, None leaves it to `joblib.parallel_config`, which also
        chooses other machines, by Dask for example. What runs at once, runs in one.
    store : str or path, optional
        Folder to keep the results in, each as soon as it is known, and those of what
        runs at once together. What is there already is not computed again. By default
        nothing is kept.

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
        If the time is less than a step, the minibatch has no item, a variant is no
        dictionary, a network has no seed, or the store has results of another sweep.

    Notes
    -----
    What ``make`` raises for a variant ends the sweep, with the variant in a note.

    Variants that run at once are multiplied so that they are rounded as one alone is.
    But the compiler may round a product before it is added in one case and not in the
    other, and large decoders of Probes, and matrices of many small shapes, are
    multiplied in other ways. Of 60 random networks in float64, 58 were equal to the
    bit, and two but for a last bit. A last bit can move a spike by a step, from where
    on a spiking network goes another way.

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
    check_positive_integer("minibatch_size", minibatch_size)
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
    parts = (
        dict(tasks[start : start + minibatch_size])
        for start in range(0, len(tasks), minibatch_size)
    )
    found: dict[int, Results] = {}
    try:
        for part in parallel(
            run(make, part, n_steps, dt, minibatch_size) for part in parts
        ):
            found |= part
            if kept is not None:
                for index, results in part.items():
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
    make: Make,
    variants: Mapping[int, Variant],
    n_steps: int,
    dt: float,
    minibatch_size: int,
) -> dict[int, Results]:
    """Simulate some variants, in whatever process."""
    models: dict[int, Model] = {}
    for index, variant in variants.items():
        with _named(variant):
            models[index] = _built(make, variant, dt)
    found: dict[int, Results] = {}
    for key, programs in _side_by_side(variants, models, minibatch_size).items():
        with _named(*(variants[index] for index in programs)):
            found |= _by_executable(key, programs, n_steps)
    for index, variant in variants.items():
        if index not in found:
            with _named(variant):
                found[index] = _alone(models[index], n_steps)
    return found


@contextmanager
def _named(*variants: Variant) -> Iterator[None]:
    """Say of which variants what is raised comes."""
    try:
        yield
    except Exception as error:
        names = " or ".join(str(dict(variant)) for variant in variants)
        error.add_note(f"in the variant {names} of a sweep")
        raise


def _built(make: Make, variant: Variant, dt: float) -> Model:
    """Make and build the network of a variant."""
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
    with one_thread(), only_new_garbage():
        model = empty_model(network, dt, NoDecoderCache())
        model.build(network)
    return model


def _side_by_side(
    variants: Mapping[int, Variant],
    models: Mapping[int, Model],
    minibatch_size: int,
) -> dict[str, dict[int, Program]]:
    """Find the models that can run as items of a minibatch, two at least."""
    if minibatch_size == 1:
        return {}
    found: defaultdict[str, dict[int, Program]] = defaultdict(dict)
    for index, variant in variants.items():
        with _named(variant), only_new_garbage():
            program = make_program(
                models[index], minibatch_size=minibatch_size, parameters_of_items=True
            )
            if key := fingerprint(program):
                found[key][index] = program
    return {key: programs for key, programs in found.items() if len(programs) > 1}


def _by_executable(
    key: str, programs: Mapping[int, Program], n_steps: int
) -> dict[int, Results]:
    """Run programs of one fingerprint."""
    planned = list(programs.values())
    seeds = [_seed(program) for program in planned]
    values = _executables.of(key, planned[0]).run(planned, seeds, n_steps)
    return {
        index: dict(zip(program.probe_names.values(), recorded, strict=True))
        for (index, program), recorded in zip(programs.items(), values, strict=True)
    }


def _alone(model: Model, n_steps: int) -> Results:
    """Run a model by itself."""
    with only_new_garbage():
        program = make_program(model)
        key = fingerprint(program)
    if key is not None:
        return _by_executable(key, {0: program}, n_steps)[0]
    with Simulator(None, seed=_seed(program), model=model, progress_bar=False) as sim:
        sim.run_steps(n_steps)
        return {name: sim.data[probe] for probe, name in program.probe_names.items()}


def _seed(program: Program) -> int:
    """Return the seed of a simulation, which is that of `Simulator`."""
    return int(program.model.toplevel.seed) + 1
