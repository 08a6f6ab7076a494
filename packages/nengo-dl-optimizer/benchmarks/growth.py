"""How the time for an optimization grows with the number of operators.

Run by hand, from anywhere; it takes some minutes and writes docs/growth.svg and
docs/growth.md. Seconds are processor time, which other processes hardly change.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nengo
import numpy as np
from matplotlib.figure import Figure
from nengo.solvers import NoSolver

from nengo_dl_optimizer import OperatorGraph, optimize

DOCS = Path(__file__).parents[1] / "docs"
STAGES = ("simplifying", "planning", "sorting", "laying out")


def _ensembles(n: int) -> list[nengo.Ensemble]:
    """Make ensembles that take no time to build."""
    return [
        nengo.Ensemble(2, 2, encoders=np.eye(2), gain=np.ones(2), bias=np.ones(2))
        for _ in range(n)
    ]


def _decoders(rng: np.random.RandomState) -> NoSolver:
    return NoSolver(rng.uniform(-1, 1, size=(2, 2)))


def random(n: int) -> nengo.Network:
    """Ensembles that excite two others each, chosen at random."""
    rng = np.random.RandomState(0)
    with nengo.Network(seed=0) as net:
        ensembles = _ensembles(n)
        nengo.Connection(nengo.Node(np.cos, size_out=1), ensembles[0][0])
        for pre in ensembles:
            for i in rng.randint(n, size=2):
                nengo.Connection(pre, ensembles[i], solver=_decoders(rng))
        for ensemble in ensembles[::4]:
            nengo.Probe(ensemble, synapse=0.01, solver=_decoders(rng))
    return net


def star(n: int) -> nengo.Network:
    """Ensembles that all excite one node and are excited by it."""
    rng = np.random.RandomState(0)
    with nengo.Network(seed=0) as net:
        hub = nengo.Node(size_in=2 * n)
        for i, ensemble in enumerate(_ensembles(n)):
            own = hub[2 * i : 2 * i + 2]
            nengo.Connection(own, ensemble, synapse=0.01)
            nengo.Connection(ensemble, own, solver=_decoders(rng))
        nengo.Probe(hub)
    return net


def chain(n: int) -> nengo.Network:
    """Nodes of which each must wait for the one before it, within a step."""
    with nengo.Network(seed=0) as net:
        pre = nengo.Node(np.cos, size_out=1)
        for _ in range(n):
            post = nengo.Node(lambda t, x: x, size_in=1)
            nengo.Connection(pre, post, transform=0.5, synapse=None)
            pre = post
        nengo.Probe(pre)
    return net


# For each network, how many operators it has per ensemble or node.
NETWORKS: dict[Callable[[int], nengo.Network], int] = {random: 13, star: 9, chain: 4}


@dataclass(frozen=True)
class Timing:
    """Seconds of each stage of the optimization of a number of operators."""

    operators: int
    groups: int
    contiguous: float
    seconds: dict[str, float]

    @property
    def total(self) -> float:
        return sum(self.seconds.values())


def measure(net: nengo.Network) -> Timing:
    """Build a network, and optimize it three times, of which the fastest counts."""
    model = nengo.builder.Model()
    model.build(net)
    return min((_once(model) for _ in range(3)), key=lambda timing: timing.total)


def _once(model: nengo.builder.Model) -> Timing:
    gc.collect()
    gc.freeze()  # so that the network itself is not searched for garbage
    starts: list[float] = []
    optimized = optimize(
        OperatorGraph(model.operators),
        progress=lambda stage: starts.append(time.process_time()),
    )
    starts.append(time.process_time())
    durations = map(float, np.diff(starts))
    return Timing(
        len(model.operators),
        len(optimized.plan),
        optimized.summary.contiguous,
        dict(zip(STAGES, durations, strict=True)),
    )


def exponent(timings: list[Timing]) -> float:
    """Fit a power of the number of operators to the seconds."""
    sizes = np.log([timing.operators for timing in timings])
    return float(np.polyfit(sizes, np.log([t.total for t in timings]), 1)[0])


def plot(results: dict[str, list[Timing]], path: Path) -> None:
    """Plot seconds against the number of operators."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name, timings in results.items():
        axes.loglog(
            [timing.operators for timing in timings],
            [timing.total for timing in timings],
            "o-",
            label=f"{name}: operators to the power of {exponent(timings):.2f}",
        )
    axes.set_xlabel("operators")
    axes.set_ylabel("seconds")
    axes.set_title("Simplify, plan, sort and lay out")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, metadata={"Date": None})


def table(name: str, about: str, timings: list[Timing]) -> str:
    """Return the timings of a network as a table in Markdown."""
    lines = [
        f"### {name}",
        "",
        about,
        "",
        f"| operators | {' | '.join(STAGES)} | total | growth | groups | contiguous |",
        f"|{'---:|' * (len(STAGES) + 5)}",
    ]
    before: Timing | None = None
    for timing in timings:
        growth = "" if before is None else f"{timing.total / before.total:.2f}"
        stages = " | ".join(f"{timing.seconds[stage]:.2f}" for stage in STAGES)
        lines.append(
            f"| {timing.operators} | {stages} | {timing.total:.2f} | {growth} "
            f"| {timing.groups} | {timing.contiguous:.0%} |"
        )
        before = timing
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=64_000, help="operators")
    parser.add_argument("--out", type=Path, default=DOCS, help="folder")
    arguments = parser.parse_args()
    sizes = [1000]
    while 2 * sizes[-1] <= arguments.largest:
        sizes.append(2 * sizes[-1])
    results: dict[str, list[Timing]] = {}
    sections = []
    for network, operators_each in NETWORKS.items():
        timings = results[network.__name__] = []
        for size in sizes:
            timings.append(measure(network(size // operators_each)))
            print(network.__name__, timings[-1], flush=True)
        sections.append(table(network.__name__, str(network.__doc__), timings))
    plot(results, arguments.out / "growth.svg")
    introduction = (DOCS / "growth.md").read_text().partition("\n## ")[0]
    (arguments.out / "growth.md").write_text(
        "\n\n".join([introduction.rstrip(), "## Measurements", *sections]) + "\n"
    )


if __name__ == "__main__":
    main()
