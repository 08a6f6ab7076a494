"""Which signals each group of operators accesses, as text and as a picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from os import PathLike
from pathlib import Path
from string import ascii_lowercase, digits
from xml.etree import ElementTree

from nengo.builder.operator import Operator
from nengo.builder.signal import Signal

from .protocols import Plan

_MARKS = digits + ascii_lowercase
_ROW_HEIGHT = 12
# Neighbouring groups get hues that are far apart if each is a golden angle further.
_GOLDEN_ANGLE = 137.508


def display_signal_blocks(operators: Plan, all_signals: Sequence[Signal]) -> str:
    """Draw with characters which signals each group of operators accesses.

    Parameters
    ----------
    operators : list of tuple of Operator
        The groups of a plan.
    all_signals : list of Signal
        Base signals in any order.

    Returns
    -------
    signal_blocks : str
        A line for each group and a column for each signal. Where a group accesses
        a signal stands the number of the operators' argument that it is: equal numbers
        side by side are read or written as one piece.

    Examples
    --------
    >>> from nengo.builder.operator import Copy
    >>> from nengo.builder.signal import Signal
    >>> from nengo_dl_optimizer import display_signal_blocks
    >>> a, b, c, d = (Signal([i]) for i in range(4))
    >>> plan = [(Copy(a, c), Copy(b, d)), (Copy(c, d, inc=True),)]
    >>> print(display_signal_blocks(plan, [a, b, c, d]))
    0011
      01
    """
    place = {signal: i for i, signal in enumerate(all_signals)}
    rows = []
    for group in operators:
        row = [" "] * len(all_signals)
        for slot, places in _signal_blocks(group, place):
            for i in places:
                row[i] = _MARKS[slot % len(_MARKS)]
        rows.append("".join(row))
    return "\n".join(rows)


def draw_signal_blocks(
    operators: Plan, all_signals: Sequence[Signal], path: str | PathLike[str]
) -> None:
    """Draw the signal blocks of each operator group as an SVG picture.

    Parameters
    ----------
    operators : list of tuple of Operator
        The groups of a plan: one row of the picture for each group, in its colour.
        The blocks of a group differ in brightness; pointing at one shows what it is.
    all_signals : list of Signal
        Base signals in any order: one column for each.
    path : str or path-like
        The file to write.
    """
    place = {signal: i for i, signal in enumerate(all_signals)}
    width, height = len(all_signals), _ROW_HEIGHT * len(operators)
    picture = ElementTree.Element(
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {height}",
        width="1200",
        height=str(height),
        preserveAspectRatio="none",
        style="background: white",
    )
    for number, group in enumerate(operators):
        hue = number * _GOLDEN_ANGLE % 360
        for slot, places in _signal_blocks(group, place):
            label = f"{type(group[0]).__name__} x {len(group)}, signal {slot}"
            for start, stop in _runs(places):
                rectangle = ElementTree.SubElement(
                    picture,
                    "rect",
                    x=str(start),
                    y=str(number * _ROW_HEIGHT + 1),
                    width=str(stop - start),
                    height=str(_ROW_HEIGHT - 2),
                    fill=f"hsl({hue:.0f}, 70%, {30 + 45 * 0.7**slot:.0f}%)",
                )
                ElementTree.SubElement(rectangle, "title").text = label
    Path(path).write_text(ElementTree.tostring(picture, encoding="unicode"))


def _signal_blocks(
    group: tuple[Operator, ...], place: Mapping[Signal, int]
) -> Iterator[tuple[int, list[int]]]:
    """Yield the places of the signals that a group accesses in each of its slots."""
    for slot in range(len(group[0].all_signals)):
        yield slot, sorted({place[op.all_signals[slot].base] for op in group})


def _runs(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield start and stop of each run of successive numbers."""
    breaks = [i for i, (a, b) in enumerate(pairwise(places), 1) if b != a + 1]
    for start, stop in pairwise([0, *breaks, len(places)]):
        yield places[start], places[stop - 1] + 1
