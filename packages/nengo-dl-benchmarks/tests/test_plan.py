"""The optimizer's work on a network, shown."""

import nengo
import pytest
from click.testing import CliRunner

from nengo_dl_benchmarks import chain
from nengo_dl_benchmarks.cli import main
from nengo_dl_benchmarks.planning import (
    Clock,
    operator_graph,
    picture,
    try_plan,
    try_simplifications,
)
from nengo_dl_optimizer import default_simplifications


@pytest.fixture(scope="module")
def graph():
    return operator_graph(chain(4, 10, nengo.LIF()))


def test_simplifications_are_applied_one_after_the_other(graph):
    results = try_simplifications(graph, default_simplifications)
    assert [result.name for result in results] == [
        simplification.__name__ for simplification in default_simplifications
    ]
    numbers = [len(graph), *(result.operators for result in results)]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[-1] < numbers[0]


def test_simplifications_know_what_those_before_have_replaced(graph):
    old, new = graph.signals[:2]

    def replace(graph):
        return graph.with_operators(graph, {old: new})

    def look(graph):
        assert graph.current(old) is new
        return graph

    try_simplifications(graph, [replace, look])


def test_planners_are_tried_on_the_same_operators(graph):
    apart = try_plan(graph, "noop_planner", "noop_order_signals")
    merged = try_plan(graph, "greedy_planner", "order_signals")
    assert apart.optimized.summary.groups == len(graph)
    assert merged.optimized.summary.groups < len(graph)
    assert set(merged.seconds) == {"simplifying", "planning", "sorting", "laying out"}


def test_picture_has_a_line_for_each_group_and_a_column_for_each_block(graph):
    optimized = try_plan(graph, "greedy_planner", "order_signals").optimized
    (axes,) = picture(optimized).axes
    assert len(axes.get_yticks()) == len(optimized.plan)
    assert len(axes.get_xticks()) == len(optimized.layout.blocks)


def test_clock_takes_each_stage_by_itself():
    clock = Clock()
    for stage in ("a", "b", None):
        clock(stage)
    assert set(clock.seconds) == {"a", "b"}
    assert all(seconds >= 0 for seconds in clock.seconds.values())


def test_command_shows_simplifications_and_plans(tmp_path):
    path = tmp_path / "picture.svg"
    result = CliRunner().invoke(
        main,
        [
            *["build", "--benchmark", "chain", "--kwarg", "n_ensembles=3"],
            *["plan", "--planner", "noop_planner", "--planner", "greedy_planner"],
            *["--picture", str(path)],
        ],
    )
    assert result.exit_code == 0, result.output
    for row in ("remove_zero_incs", "all, until none helps", "noop ", "greedy "):
        assert f"│ {row}" in result.output
    assert path.read_text().startswith("<?xml")


def test_network_has_to_be_chosen_first():
    result = CliRunner().invoke(main, ["plan"])
    assert result.exit_code == 2
    assert "choose one network: build" in " ".join(result.output.split())
