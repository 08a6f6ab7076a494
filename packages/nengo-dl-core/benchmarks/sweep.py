"""How long a sweep over 256 variants takes, beside a loop of simulators.

Variants of an oscillator differ in their seeds and in how fast it turns. Some
of them, spread over all, are also run by a simulator each, whose time is scaled to as
many as the sweep has, and whose results must be those of the sweep to the bit. Decoders
are to be solved for in one thread:

    OPENBLAS_NUM_THREADS=1 python packages/nengo-dl-core/benchmarks/sweep.py
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial
from itertools import product
from time import perf_counter
from typing import Any

import nengo
import numpy as np

from nengo_dl_core import Simulator, configure_settings, sweep


def oscillator(
    seed: int, speed: float, jit_compile: bool | str = True
) -> nengo.Network:
    """Build 200 neurons that hold a point and turn it."""
    with nengo.Network(seed=seed) as net:
        configure_settings(dtype="float64", jit_compile=jit_compile)
        start = nengo.Node(lambda t: [t < 0.1, 0])
        ensemble = nengo.Ensemble(200, 2)
        nengo.Connection(start, ensemble)
        turn = [[1, speed], [-speed, 1]]
        nengo.Connection(ensemble, ensemble, transform=turn, synapse=0.1)
        nengo.Probe(ensemble, synapse=0.02, label="point")
    return net


def one_by_one(
    variants: list[dict[str, Any]], time: float, **settings: Any
) -> Iterator[list[Any]]:
    """Run each variant by a simulator of its own."""
    for variant in variants:
        net = oscillator(**variant, **settings)
        with Simulator(net, progress_bar=False) as sim:
            sim.run(time)
            yield [sim.data[probe] for probe in net.all_probes]


def main(
    n_seeds: int,
    n_single: int,
    time: float,
    minibatch_size: int,
    store: str | None,
    dask: bool,
) -> None:
    """Time the sweep, and simulators in a loop."""
    variants = [
        {"seed": seed, "speed": speed}
        for seed, speed in product(range(n_seeds), (0.5, 1.0, 1.5, 2.0))
    ]
    nengo.rc.set("decoder_cache", "enabled", "False")  # as in a sweep
    run = partial(
        sweep, oscillator, variants, time, minibatch_size=minibatch_size, store=store
    )
    start = perf_counter()
    if dask:
        import joblib
        from dask.distributed import Client, LocalCluster

        cluster = LocalCluster(n_workers=2, threads_per_worker=1)
        with cluster, Client(cluster), joblib.parallel_config("dask"):
            results = run()
    else:
        results = run()
    print(f"{len(variants)} variants by sweep: {perf_counter() - start:.1f} s")

    chosen = np.linspace(0, len(variants) - 1, n_single).round().astype(int)
    for setting in (True, "auto") if n_single else ():
        start = perf_counter()
        alone = list(
            one_by_one([variants[i] for i in chosen], time, jit_compile=setting)
        )
        seconds = perf_counter() - start
        scaled = seconds * len(variants) / n_single
        equal = sum(
            np.array_equal(list(results[index].values()), values)
            for index, values in zip(chosen, alone, strict=True)
        )
        print(
            f"{n_single} simulators, jit_compile={setting!r}: {seconds:.1f} s, "
            f"of {len(variants)} {scaled:.0f} s; {equal} with equal results"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=64, dest="n_seeds")
    parser.add_argument("--single", type=int, default=16, dest="n_single")
    parser.add_argument("--time", type=float, default=1.0, help="seconds of each")
    parser.add_argument(
        "--minibatch", type=int, default=1, help="at once", dest="minibatch_size"
    )
    parser.add_argument("--store", help="folder that keeps the results")
    parser.add_argument("--dask", action="store_true", help="by a Dask LocalCluster")
    main(**vars(parser.parse_args()))
