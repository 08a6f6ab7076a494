"""What can be seen of a plan: blocks as text and as a picture, a table of sizes."""

from xml.etree import ElementTree

import nengo
import numpy as np
import pytest
from nengo.builder.operator import Copy, DotInc, Reset
from nengo.builder.signal import Signal

from nengo_dl_optimizer import (
    OperatorGraph,
    display_signal_blocks,
    draw_signal_blocks,
    noop_order_signals,
    noop_planner,
    optimize,
)

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def signals():
    return [Signal(np.zeros(2), name=name) for name in "abcde"]


@pytest.fixture
def plan(signals):
    a, b, c, d, e = signals
    return [(Copy(a, c), Copy(b[:1], e[1:])), (Copy(c, d, inc=True),), (Reset(e),)]


def test_each_group_is_a_line_and_each_signal_a_column(plan, signals):
    lines = display_signal_blocks(plan, signals).split("\n")
    assert lines == ["001 1", "  01 ", "    0"]


def test_the_order_of_columns_is_that_of_the_signals(plan, signals):
    text = display_signal_blocks(plan, signals)
    backwards = display_signal_blocks(plan, signals[::-1])
    assert [line[::-1] for line in backwards.split("\n")] == text.split("\n")


def test_no_groups_are_no_lines():
    assert display_signal_blocks([], []) == ""


def test_a_picture_has_a_rectangle_for_each_piece(plan, signals, tmp_path):
    draw_signal_blocks(plan, signals, tmp_path / "blocks.svg")
    picture = ElementTree.parse(tmp_path / "blocks.svg").getroot()
    rectangles = picture.findall(f"{SVG}rect")
    pieces = {
        (int(r.get("x")), int(r.get("width")), int(r.get("y")) // 12)
        for r in rectangles
    }
    assert pieces == {
        (0, 2, 0),  # a and b,
        (2, 1, 0),  # c,
        (4, 1, 0),  # and e
        (2, 1, 1),
        (3, 1, 1),
        (4, 1, 2),
    }
    colours = [
        {r.get("fill").split(",")[0] for r in rectangles if int(r.get("y")) // 12 == i}
        for i in range(3)
    ]
    assert all(len(hues) == 1 for hues in colours)
    assert len(set.union(*colours)) == 3
    titles = [r.findtext(f"{SVG}title") for r in rectangles]
    assert titles[0] == "Copy x 2, signal 0"


def test_a_summary_counts_what_there_is():
    a, b, c, d, e = (Signal(np.zeros(2)) for _ in range(5))
    operators = [
        Reset(c),
        DotInc(Signal(np.eye(2)), a, c),
        Copy(b, d, inc=True),
        Copy(c, e, inc=True),
        Copy(c, d, inc=True),
    ]
    summary = optimize(OperatorGraph(operators), simplifications=[]).summary
    assert summary.operators_before == summary.operators == 5
    assert summary.signals_before == summary.signals == 6
    assert summary.groups == 4
    lines = str(summary).split("\n")
    assert lines[0].split() == ["before", "after"]
    assert [line.split()[0] for line in lines[1:]] == [
        "operators",
        "signals",
        "groups",
        "blocks",
        "contiguous",
    ]
    assert len({len(line) for line in lines}) == 1


def test_a_summary_says_what_is_in_pieces():
    sources = [Signal(np.zeros(2)) for _ in range(3)]
    targets = [Signal(np.zeros(2)) for _ in range(3)]
    operators = [Copy(a, b) for a, b in zip(sources, targets, strict=True)]
    order = [sources[1], sources[0], sources[2], *targets]
    for sorter, contiguous in (
        (noop_order_signals, 1.0),
        (lambda plan: (order, plan), 0.5),
    ):
        optimized = optimize(
            OperatorGraph(operators), sorter=sorter, simplifications=[]
        )
        assert optimized.summary.contiguous == contiguous


def test_stages_are_reported_as_they_begin():
    with nengo.Network() as net:
        nengo.Node([1])
    model = nengo.builder.Model()
    model.build(net)
    stages = []
    optimize(
        OperatorGraph(model.operators), planner=noop_planner, progress=stages.append
    )
    assert stages == ["simplifying", "planning", "sorting", "laying out"]
