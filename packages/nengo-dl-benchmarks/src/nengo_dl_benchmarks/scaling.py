"""How the duration of a run grows with the size of a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator


@dataclass(frozen=True)
class Scaling:
    """Durations of runs at several sizes.

    Parameters
    ----------
    argument : str
        What was varied.
    durations : dict of str to dict of int to float
        For each simulator the seconds that a run took, by the value of the argument.
    """

    argument: str
    durations: Mapping[str, Mapping[int, float]]

    @property
    def values(self) -> list[int]:
        """All values of the argument, in order."""
        return sorted({value for found in self.durations.values() for value in found})

    def exponent(self, label: str) -> float | None:
        """Fit a power of the size to the durations of a simulator.

        Parameters
        ----------
        label : str
            The simulator.

        Returns
        -------
        exponent : float or None
            ``b`` of ``duration = a * value**b``, by least squares of the logarithms;
            None if there are not two durations.

        Examples
        --------
        >>> Scaling("dimensions", {"dl": {1: 0.5, 2: 2.0, 4: 8.0}}).exponent("dl")
        2.0
        """
        durations = self.durations[label]
        if len(durations) < 2:
            return None
        slope, _ = np.polyfit(
            np.log(list(durations)), np.log(list(durations.values())), 1
        )
        return round(float(slope), 9)

    def plot(self, title: str) -> Figure:
        """Plot durations against sizes, both on logarithmic axes.

        Parameters
        ----------
        title : str
            What was run.

        Returns
        -------
        figure : matplotlib.figure.Figure
            The plot.
        """
        figure = Figure(figsize=(6, 4), layout="constrained", dpi=150)
        axes = figure.subplots()
        for label, durations in self.durations.items():
            exponent = self.exponent(label)
            fit = "" if exponent is None else f", exponent {exponent:.2f}"
            values = sorted(durations)
            axes.loglog(
                values, [durations[value] for value in values], "o-", label=label + fit
            )
        axes.set(title=title, xlabel=self.argument, ylabel="duration of a run")
        axes.set_xticks(self.values, map(str, self.values))
        axes.minorticks_off()
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(EngFormatter("s"))
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
        return figure
