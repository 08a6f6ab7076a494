"""How good the plans for the benchmark networks are, and what simplifications do.

Run by hand, from anywhere, where nengo-dl-benchmarks is installed: the operators, and
which of them may share a group, are those of its simulator. It takes some minutes and
writes the tables of docs/plans.md.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import nengo
import numpy as np

from nengo_dl_benchmarks import basal_ganglia, cconv, integrator, random_network
from nengo_dl_core import Simulator, configure_settings
from nengo_dl_optimizer import (
    OperatorGraph,
    default_simplifications,
    greedy_planner,
    layered_planner,
    noop_order_signals,
    noop_planner,
    optimize,
    order_signals,
    remove_copy_chains,
    remove_dead_operators,
    simplify,
    transitive_planner,
    tree_planner,
)

DOCS = Path(__file__).parents[1] / "docs"
NETWORKS = {
    "cconv(128, 64)": lambda: cconv(128, 64, nengo.LIF()),
    "integrator(128, 32)": lambda: integrator(128, 32, nengo.LIF()),
    "basal_ganglia(128, 32)": lambda: basal_ganglia(128, 32, nengo.LIF()),
    "random_network(64, 32), 20 ensembles, 5 connections": lambda: random_network(
        64, 32, nengo.LIF(), n_ensembles=20, connections_per_ensemble=5
    ),
}
PLANNERS = (
    noop_planner,
    greedy_planner,
    tree_planner,
    transitive_planner,
    layered_planner,
)
SORTERS = (noop_order_signals, order_signals)
EXTRAS = (remove_copy_chains, remove_dead_operators)
MARK = "<!-- measured -->"


class RandomDecoders(nengo.solvers.Solver):
    """Takes no time, as the values of decoders do not matter here."""

    compositional = True

    def __call__(self, A: Any, Y: Any, rng: Any = np.random, E: Any = None) -> Any:
        return rng.uniform(-1, 1, size=(A.shape[1], Y.shape[1])), {}


class CapturedError(Exception):
    """Ends the building of a simulator."""


def operators_of(net: nengo.Network) -> OperatorGraph:
    """Return a network's operators as the simulator gives them to the optimizer."""
    _build_quickly(net)
    captured: list[OperatorGraph] = []

    def capture(operators: OperatorGraph) -> None:
        captured.append(operators)
        raise CapturedError

    with net:
        configure_settings(simplifications=[], planner=capture)
    with suppress(CapturedError):
        Simulator(net, progress_bar=False)
    return captured[0]


def plain_operators_of(net: nengo.Network) -> OperatorGraph:
    """Return a network's operators as Nengo builds them."""
    _build_quickly(net)
    model = nengo.builder.Model()
    model.build(net)
    return OperatorGraph(model.operators)


def _build_quickly(net: nengo.Network) -> None:
    for ensemble in net.all_ensembles:
        ensemble.n_eval_points = 10
    for connection in net.all_connections:
        if isinstance(connection.pre_obj, nengo.Ensemble):
            connection.solver = RandomDecoders()


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def plans(graph: OperatorGraph) -> str:
    """Return a table of all planners and sorters."""
    simplified = simplify(graph, default_simplifications)
    rows = []
    for planner in PLANNERS:
        start = time.process_time()
        plan = planner(simplified)
        seconds = time.process_time() - start
        shares = [
            optimize(
                simplified,
                planner=lambda _, plan=plan: plan,
                sorter=sorter,
                simplifications=[],
            ).summary.contiguous
            for sorter in SORTERS
        ]
        share_texts = [f"{share:.0%}" for share in shares]
        rows.append(
            [f"`{planner.__name__}`", len(plan), *share_texts, f"{seconds:.2f}"]
        )
        print(rows[-1], flush=True)
    sorters = [f"contiguous, `{sorter.__name__}`" for sorter in SORTERS]
    return table(["planner", "groups", *sorters, "seconds"], rows)


def simplifications(graphs: dict[str, OperatorGraph]) -> str:
    """Return a table of what is larger without each of the extra simplifications."""
    choices = {
        "none": [],
        "the documented five": [s for s in default_simplifications if s not in EXTRAS],
        "all": default_simplifications,
    } | {
        f"all but `{extra.__name__}`": [
            s for s in default_simplifications if s is not extra
        ]
        for extra in EXTRAS
    }
    rows = []
    for label, chosen in choices.items():
        results = [
            optimize(graph, simplifications=chosen).summary for graph in graphs.values()
        ]
        rows.append(
            [label, *(f"{s.operators} / {s.groups} / {s.blocks}" for s in results)]
        )
        print(rows[-1], flush=True)
    return table(["simplifications", *graphs], rows)


def main() -> None:
    trained = {name: operators_of(make()) for name, make in NETWORKS.items()}
    plain = {name: plain_operators_of(make()) for name, make in NETWORKS.items()}
    sections = ["## Planners and sorters"]
    for name, graph in trained.items():
        n_operators = len(graph), len(simplify(graph, default_simplifications))
        counts = "{} operators, {} after simplification.".format(*n_operators)
        print(name, counts, flush=True)
        sections += [f"### {name}", counts, plans(graph)]
    sections += [
        "## Simplifications",
        "Operators / groups / blocks. With parameters that can be trained, as usual:",
        simplifications(trained),
        "The same as plain models of Nengo, where no node is fed from outside:",
        simplifications(plain),
    ]
    path = DOCS / "plans.md"
    introduction = path.read_text().partition(MARK)[0]
    path.write_text("\n\n".join([introduction + MARK, *sections]) + "\n")


if __name__ == "__main__":
    main()
