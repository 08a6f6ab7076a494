"""What compiling costs, and from when on it pays: a table in Markdown.

Without it NumPy runs a simulation, and TensorFlow's plain loop trains a network. The
last column tells how many steps NumPy runs if nothing else is configured.

Each figure is taken in a process of its own. Takes about five minutes on two cores,
which should have nothing else to do.

    python docs/benchmarks/compiled.py
"""

import json
import subprocess
import sys
from subprocess import PIPE
from time import perf_counter

import nengo

import nengo_dl
from nengo_dl_benchmarks.random_data import random_inputs, random_targets
from nengo_dl_benchmarks.suite import BENCHMARKS

N_STEPS = 20
N_MINIBATCHES = 4
# Network, size of the minibatch, and steps of a training example or None
CASES = [
    *[(name, 1, None) for name in ("feedback", "chain", "integrator", "cconv")],
    *[(name, 1, None) for name in ("basal_ganglia", "pes", "random_network")],
    *[(name, 16, None) for name in ("convolution", "cconv")],
    *[(name, 8, 100) for name in ("feedback", "integrator", "basal_ganglia", "pes")],
    *[("random_network", 4, 50), ("convolution", 16, 10), ("convolution", 16, 50)],
]


def seconds(work):
    start = perf_counter()
    work()
    return perf_counter() - start


def first_and_next(name, batch_size, n_steps, jit_compile):
    """Time the first step, or minibatch, and what each of the next takes."""
    network = BENCHMARKS[name].build()
    with network:
        nengo_dl.configure_settings(jit_compile=jit_compile)
    nengo.rc.set("decoder_cache", "enabled", "False")
    with nengo_dl.Simulator(
        network, minibatch_size=batch_size, progress_bar=False
    ) as sim:
        if n_steps is None:
            in_numpy = sim.diagnose().steps_in_numpy
            # all of them in NumPy, if that is to be timed
            n_steps = min(N_STEPS, int(in_numpy / 7)) or N_STEPS
            first = seconds(lambda: sim.run_steps(1))
            sim.run_steps(n_steps)
            each = min(seconds(lambda: sim.run_steps(n_steps)) for _ in range(5))
            return first, each / n_steps, in_numpy
        size = N_MINIBATCHES * batch_size, n_steps
        inputs, targets = random_inputs(network, *size), random_targets(network, *size)
        sim.compile("sgd", "mse")
        epochs = [
            seconds(lambda: sim.fit(inputs, targets, verbose=0)) for _ in range(4)
        ]
        following = min(epochs[1:])
        each = following / N_MINIBATCHES
        return epochs[0] - following + each, each, 0


def measured(*job):
    command = [sys.executable, __file__, json.dumps(job)]
    return json.loads(subprocess.run(command, stdout=PIPE, check=True).stdout)


def row(name, batch_size, n_steps):
    plain = "auto" if n_steps is None else False
    first, each, _ = measured(name, batch_size, n_steps, True)
    plain_first, plain_each, in_numpy = measured(name, batch_size, n_steps, plain)
    what = "run" if n_steps is None else f"fit, {n_steps} steps"
    even = (first - plain_first) / (plain_each - each)
    return (
        f"{name}, {what}, minibatch of {batch_size}",
        *(f"{first:.2f} s", f"{1000 * each:.3g} ms"),
        *(f"{plain_first:.2f} s", f"{1000 * plain_each:.3g} ms"),
        f"{max(1, round(even))} {'steps' if n_steps is None else 'minibatches'}",
        f"{in_numpy:.0f}",
    )


def show(cells):
    print("|", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(first_and_next(*json.loads(sys.argv[1]))))
    else:
        show(
            ["", "compiled: first", "next", "not: first", "next", "even after", "auto"]
        )
        show(["---", *["---:"] * 6])
        for case in CASES:
            show(row(*case))
