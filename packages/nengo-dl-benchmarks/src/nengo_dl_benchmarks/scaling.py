"""How a cost grows with the size of a network or of a simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nengo_dl_benchmarks.comparison import Measurement

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COSTS = {"warm-run": "s", "first-run": "s", "build": "s", "memory": "B"}
REST = ", beyond Nengo's own"  # of a build


@dataclass(frozen=True)
class Scaling:
    """A cost at several sizes.

    Parameters
    ----------
    argument : str
        What was varied.
    cost : str
        What was measured, one of ``COSTS``.
    curves : dict of str to dict of int to float
        For each simulator the cost, in seconds or bytes, by the value of the argument.
    """

    argument: str
    cost: str
    curves: Mapping[str, Mapping[int, float]]

    @property
    def values(self) -> list[int]:
        """All values of the argument, in order."""
        return sorted({value for curve in self.curves.values() for value in curve})

    def exponent(self, label: str, last: int | None = None) -> float | None:
        """Fit a power of the size to a curve.

        Parameters
        ----------
        label : str
            Which curve.
        last : int, optional
            Number of sizes to fit to, the largest ones; all if not given.

        Returns
        -------
        exponent : float or None
            ``b`` of ``cost = a * value**b``, by least squares of the logarithms; None
            if there are not two values.

        Examples
        --------
        >>> scaling = Scaling("n", "warm-run", {"dl": {1: 2.0, 2: 2.0, 4: 8.0}})
        >>> scaling.exponent("dl"), scaling.exponent("dl", last=2)
        (1.0, 2.0)
        """
        points = sorted(self.curves[label].items())[-(last or 0) :]
        if len(points) < 2:
            return None
        sizes, costs = np.log(points).T
        slope, _ = np.polyfit(sizes, costs, 1)
        return round(float(slope), 9)


def curves(
    found: Mapping[int, Sequence[Measurement]], cost: str
) -> dict[str, dict[int, float]]:
    """Collect a cost from measurements.

    Parameters
    ----------
    found : dict of int to sequence of Measurement
        The measurements by size.
    cost : str
        One of ``COSTS``.

    Returns
    -------
    curves : dict of str to dict of int to float
        The cost of each simulator by size. One that tells what of its build is Nengo's
        own has a second curve for the rest.
    """
    result: dict[str, dict[int, float]] = {}
    for value, measurements in found.items():
        for measurement in measurements:
            label = measurement.backend
            costs = {label: _cost(measurement, cost)}
            if cost == "build":
                costs[label + REST] = measurement.added
            for name, number in costs.items():
                if number:
                    result.setdefault(name, {})[value] = number
    return result


def _cost(measurement: Measurement, cost: str) -> float | None:
    return {
        "warm-run": measurement.typical,
        "first-run": measurement.first,
        "build": measurement.build,
        "memory": measurement.memory,
    }[cost]


def plot(scalings: Sequence[Scaling], title: str) -> Figure:
    """Plot costs against sizes, all on logarithmic axes.

    Parameters
    ----------
    scalings : sequence of Scaling
        The costs, each of which has axes of its own.
    title : str
        What was run.

    Returns
    -------
    figure : matplotlib.figure.Figure
        The plots.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter, LogLocator

    columns = min(len(scalings), 2)
    rows = -(-len(scalings) // columns)
    figure = Figure(figsize=(5 * columns, 3.5 * rows), layout="constrained", dpi=150)
    figure.suptitle(title)
    labels = [label.removesuffix(REST) for found in scalings for label in found.curves]
    colors = {label: f"C{i}" for i, label in enumerate(dict.fromkeys(labels))}
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(scalings) :]:
        axes.set_axis_off()
    for axes, scaling in zip(grid.flat, scalings, strict=False):
        for label, curve in scaling.curves.items():
            exponent = scaling.exponent(label)
            axes.loglog(
                *zip(*sorted(curve.items()), strict=True),
                "o--" if label.endswith(REST) else "o-",
                color=colors[label.removesuffix(REST)],
                label=label
                if exponent is None
                else f"{label}, exponent {exponent:.2f}",
            )
        axes.set(xlabel=scaling.argument, ylabel=scaling.cost.replace("-", " "))
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(EngFormatter(COSTS[scaling.cost]))
        axes.minorticks_off()
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize="small")
    return figure
