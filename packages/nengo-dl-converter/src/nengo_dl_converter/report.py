"""How a network differs from its Keras model, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LayerReport:
    """How the output of one call of a layer differs between Nengo and Keras.

    Parameters
    ----------
    name : str
        Name of the layer.
    size : int
        Number of elements in its output.
    peak : float
        Largest magnitude of its output in Keras.
    difference : float
        Largest difference between its outputs in Nengo and Keras.
    mean_rate, max_rate : float or None
        Mean and highest firing rate of its neurons, in Hz; None if they do not spike.
    """

    name: str
    size: int
    peak: float
    difference: float
    mean_rate: float | None = None
    max_rate: float | None = None

    @property
    def relative_difference(self) -> float:
        """The difference as a fraction of the peak."""
        return self.difference / self.peak if self.peak else self.difference


@dataclass(frozen=True)
class Report:
    """A converted network beside its Keras model; prints as a table.

    Parameters
    ----------
    layers : tuple of LayerReport
        For each call of a layer, in the order of execution.
    """

    layers: tuple[LayerReport, ...]

    def departure(self, tolerance: float = 0.1) -> LayerReport | None:
        """Find where the network departs from the Keras model.

        Parameters
        ----------
        tolerance : float
            Difference that counts, as a fraction of the peak.

        Returns
        -------
        layer : LayerReport or None
            The first layer that differs by more.
        """
        return next((x for x in self.layers if x.relative_difference > tolerance), None)

    def __str__(self) -> str:
        width = max([5, *(len(layer.name) for layer in self.layers)])
        lines = [
            f"{'layer':{width}}      size      peak  difference  mean rate   max rate"
        ]
        for layer in self.layers:
            rates = [
                "" if rate is None else f"{rate:.1f} Hz"
                for rate in (layer.mean_rate, layer.max_rate)
            ]
            lines.append(
                f"{layer.name:{width}}  {layer.size:8d}  {layer.peak:8.3g}"
                f"  {layer.difference:10.3g}  {rates[0]:>9}  {rates[1]:>9}".rstrip()
            )
        first = self.departure()
        if first is not None:
            lines.append(
                f"The first to differ by more than 10% of its peak: {first.name} "
                f"({100 * first.relative_difference:.0f}%)"
            )
        return "\n".join(lines)

    def plot(self) -> Any:
        """Plot the differences and the firing rates of all layers.

        Returns
        -------
        figure : matplotlib.figure.Figure
            The plot.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8, 1.5 + 0.3 * len(self.layers)), layout="constrained")
        differences, rates = figure.subplots(1, 2, sharey=True)
        names = range(len(self.layers))
        differences.barh(names, [x.relative_difference for x in self.layers])
        differences.set_xlabel("largest difference / peak")
        differences.set_yticks(names, [x.name for x in self.layers])
        differences.invert_yaxis()
        rates.barh(names, [x.max_rate or 0 for x in self.layers], color="lightgray")
        rates.barh(names, [x.mean_rate or 0 for x in self.layers])
        rates.set_xlabel("firing rate, mean and highest (Hz)")
        return figure
