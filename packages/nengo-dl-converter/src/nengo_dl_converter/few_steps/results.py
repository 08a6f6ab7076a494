"""What a calibration has gained, and what has been chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CalibrationStage:
    """How the outputs of a network are after a stage of its calibration.

    Errors are those of samples that nothing was chosen by, if there are two or more.

    Parameters
    ----------
    name : str
        What was chosen in this stage, beside what has been kept of those before.
    error : float
        Root mean square of the difference between the outputs of the network, the mean
        of all steps, and those of the Keras model, as a fraction of theirs.
    agreement : float or None
        Fraction of samples for which both have the same largest output; None if there
        are no several outputs.
    n_spikes : float
        Mean number of spikes in the whole network that a sample takes.
    kept : bool
        Whether the network has what was chosen, because the error became smaller.
    """

    name: str
    error: float
    agreement: float | None
    n_spikes: float
    kept: bool


@dataclass(frozen=True)
class LayerCalibration:
    """What was chosen for the neurons of a call of a layer.

    Parameters
    ----------
    name : str
        Name of the layer.
    lowest_threshold, highest_threshold : float
        Range of the thresholds of its neurons, in units of the activation.
    signed : bool
        Whether its neurons take back spikes.
    """

    name: str
    lowest_threshold: float
    highest_threshold: float
    signed: bool


@dataclass(frozen=True)
class Calibration:
    """What a `Converter` has calibrated; prints as tables.

    Parameters
    ----------
    n_steps : int
        Number of steps that the network is calibrated for.
    stages : tuple of CalibrationStage
        What was tried, in this order.
    layers : tuple of LayerCalibration
        What was chosen, for each call of a layer with spiking neurons.
    """

    n_steps: int
    stages: tuple[CalibrationStage, ...]
    layers: tuple[LayerCalibration, ...]

    def __str__(self) -> str:
        width = max(len(stage.name) for stage in self.stages)
        lines = [f"{f'{self.n_steps} steps':{width}}    error  same answer     spikes"]
        for stage in self.stages:
            agreement = "" if stage.agreement is None else f"{stage.agreement:.1%}"
            left = "" if stage.kept else "  not kept"
            lines.append(
                f"{stage.name:{width}}  {stage.error:7.4f}  {agreement:>11}"
                f"  {stage.n_spikes:9.0f}{left}"
            )
        width = max([5, *(len(layer.name) for layer in self.layers)])
        lines += ["", f"{'layer':{width}}  thresholds"]
        for layer in self.layers:
            thresholds = f"{layer.lowest_threshold:.3g}"
            if layer.highest_threshold > layer.lowest_threshold:
                thresholds += f" to {layer.highest_threshold:.3g}"
            signed = ", signed spikes" if layer.signed else ""
            lines.append(f"{layer.name:{width}}  {thresholds}{signed}")
        return "\n".join(lines)

    def plot(self) -> Any:
        """Plot the error and the spikes after each stage.

        Returns
        -------
        figure : matplotlib.figure.Figure
            The plot. Bars of what was not kept are grey.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8, 1.5 + 0.3 * len(self.stages)), layout="constrained")
        errors, spikes = figure.subplots(1, 2, sharey=True)
        rows = range(len(self.stages))
        colors = ["C0" if stage.kept else "lightgray" for stage in self.stages]
        errors.barh(rows, [stage.error for stage in self.stages], color=colors)
        errors.set_xlabel(f"error of the outputs after {self.n_steps} steps")
        errors.set_yticks(rows, [stage.name for stage in self.stages])
        errors.invert_yaxis()
        spikes.barh(rows, [stage.n_spikes for stage in self.stages], color=colors)
        spikes.set_xlabel("spikes of a sample")
        return figure
