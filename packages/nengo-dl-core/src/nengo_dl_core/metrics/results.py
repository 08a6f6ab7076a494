"""The metrics of a network, as values."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from nengo_dl_core.metrics.devices import DEVICES, Device


@dataclass(frozen=True)
class ConnectionMetrics:
    """Weights, and the synaptic operations with them in a whole run.

    Parameters
    ----------
    name : str
        What the weights belong to: a connection, or the encoders of an ensemble.
    n_weights : int
        Number of weights.
    n_zeros : int
        How many of them are zero.
    learned : bool
        Whether a learning rule changes them. Then all count as effective.
    dense_operations : int
        Synaptic operations of all samples, with zeros.
    effective_macs : int
        Those in which neither input nor weight is zero, where the inputs are values: a
        multiplication that is accumulated.
    effective_acs : int
        The same where the inputs are spikes, all of one size: an accumulation.
    """

    name: str
    n_weights: int
    n_zeros: int
    learned: bool
    dense_operations: int
    effective_macs: int
    effective_acs: int

    @property
    def effective_operations(self) -> int:
        """Synaptic operations without those with zeros."""
        return self.effective_macs + self.effective_acs


@dataclass(frozen=True)
class NeuronMetrics:
    """The neurons of an ensemble, and what they do in a whole run.

    Parameters
    ----------
    name : str
        Name of the ensemble.
    neuron_type : str
        Name of their type.
    n_neurons : int
        How many there are.
    n_activations : int
        How often a neuron was updated, over all samples: once a step.
    n_active : int
        How often its output was not zero.
    membrane_updates : int
        How often its voltage was not that of the step before, the first step of a
        sample included; zero for neurons without voltage.
    """

    name: str
    neuron_type: str
    n_neurons: int
    n_activations: int
    n_active: int
    membrane_updates: int

    @property
    def activation_sparsity(self) -> float:
        """Fraction of outputs that are zero."""
        return _sparsity(self.n_activations - self.n_active, self.n_activations)


@dataclass(frozen=True)
class NetworkMetrics:
    """What a network takes, in the terms of NeuroBench; prints as a table.

    What belongs to a connection or an ensemble is of the whole run, in integers; the
    properties here are of one sample, means over all of them.

    Parameters
    ----------
    n_samples : int
        Number of samples that were run.
    n_steps : int
        Number of steps of each.
    parameter_bytes : int
        Memory of weights, encoders, biases, gains and constants.
    state_bytes : int
        Memory of what a step leaves to the next, for one sample.
    connections : tuple of ConnectionMetrics
        Connections with weights, and encoders.
    neurons : tuple of NeuronMetrics
        Ensembles.
    not_counted : tuple of str
        What computes something that is in none of the figures, such as functions of
        Nodes.

    References
    ----------
    J. Yik et al. (2025): The NeuroBench framework for benchmarking neuromorphic
    computing algorithms and systems. Nature Communications 16, 1545.
    """

    n_samples: int
    n_steps: int
    parameter_bytes: int
    state_bytes: int
    connections: tuple[ConnectionMetrics, ...]
    neurons: tuple[NeuronMetrics, ...]
    not_counted: tuple[str, ...]

    @property
    def footprint(self) -> int:
        """Memory of parameters and state, in bytes."""
        return self.parameter_bytes + self.state_bytes

    @property
    def connection_sparsity(self) -> float:
        """Fraction of weights that are zero."""
        return _sparsity(
            sum(x.n_zeros for x in self.connections),
            sum(x.n_weights for x in self.connections),
        )

    @property
    def activation_sparsity(self) -> float:
        """Fraction of outputs of neurons, over all steps, that are zero."""
        total = sum(x.n_activations for x in self.neurons)
        return _sparsity(total - sum(x.n_active for x in self.neurons), total)

    @property
    def dense_operations(self) -> float:
        """Synaptic operations of a sample, with zeros."""
        return sum(x.dense_operations for x in self.connections) / self.n_samples

    @property
    def effective_macs(self) -> float:
        """Multiplications with a weight, accumulated, of a sample, without zeros."""
        return sum(x.effective_macs for x in self.connections) / self.n_samples

    @property
    def effective_acs(self) -> float:
        """Accumulations of a weight, because of a spike, of a sample, without zeros."""
        return sum(x.effective_acs for x in self.connections) / self.n_samples

    @property
    def membrane_updates(self) -> float:
        """Changes of a voltage in a sample."""
        return sum(x.membrane_updates for x in self.neurons) / self.n_samples

    @property
    def n_neurons(self) -> int:
        """Number of neurons."""
        return sum(x.n_neurons for x in self.neurons)

    @property
    def neuron_updates(self) -> int:
        """Updates of neurons in a sample, each neuron once a step."""
        return self.n_neurons * self.n_steps

    def energy(self, device: Device) -> float:
        """Return the energy that a sample takes on a device.

        It is that of synaptic operations and of updates of neurons. Left out are what a
        device takes when idle, memory beyond what a figure includes, spikes on their
        way between cores, getting inputs in and outputs out, and what is not counted.
        Figures of different authors include different things. So this tells which of
        two networks takes less on a device, and the order of magnitude between devices.

        Parameters
        ----------
        device : Device
            The device, one of `DEVICES` perhaps.

        Returns
        -------
        energy : float
            In joules.
        """
        return device.energy(
            self.dense_operations,
            self.effective_macs,
            self.effective_acs,
            self.neuron_updates,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all figures, as JSON has them.

        Returns
        -------
        figures : dict
            Those of a sample, the energies by device in joules, and what connections
            and ensembles have in the whole run.
        """
        summary = {
            name: getattr(self, name)
            for name in (
                "footprint",
                "connection_sparsity",
                "activation_sparsity",
                "dense_operations",
                "effective_macs",
                "effective_acs",
                "membrane_updates",
                "n_neurons",
                "neuron_updates",
            )
        }
        energies = {name: self.energy(device) for name, device in DEVICES.items()}
        whole: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return {**summary, "energy": energies, **whole}

    def to_json(self) -> str:
        """Return `to_dict` as text.

        Returns
        -------
        text : str
            JSON.
        """
        return json.dumps(self.to_dict(), indent=2)

    def __str__(self) -> str:
        of_sample = {
            "footprint": f"{self.footprint} bytes",
            "connection sparsity": f"{self.connection_sparsity:.4f}",
            "activation sparsity": f"{self.activation_sparsity:.4f}",
            "dense operations": f"{self.dense_operations:.0f}",
            "effective MACs": f"{self.effective_macs:.0f}",
            "effective ACs": f"{self.effective_acs:.0f}",
            "membrane updates": f"{self.membrane_updates:.0f}",
        }
        connections = [
            (
                x.name,
                x.n_weights,
                f"{_sparsity(x.n_zeros, x.n_weights):.3f}",
                *(
                    f"{count / self.n_samples:.0f}"
                    for count in (
                        x.dense_operations,
                        x.effective_macs,
                        x.effective_acs,
                    )
                ),
            )
            for x in self.connections
        ]
        neurons = [
            (
                x.name,
                x.n_neurons,
                f"{x.activation_sparsity:.3f}",
                f"{x.membrane_updates / self.n_samples:.0f}",
            )
            for x in self.neurons
        ]
        energies = [
            (name, f"{energy:.0f} µJ" if energy >= 1000 else f"{energy:.3g} µJ")
            for name, device in DEVICES.items()
            for energy in [self.energy(device) * 1e6]
        ]
        sample = "1 sample" if self.n_samples == 1 else f"mean of {self.n_samples}"
        parts = [
            _table((f"{self.n_steps} steps, {sample}", ""), [*of_sample.items()]),
            _table(
                ("connection", "weights", "sparsity", "dense", "MACs", "ACs"),
                connections,
            ),
            _table(("ensemble", "neurons", "sparsity", "membrane updates"), neurons),
            _table(("device", "energy"), energies),
        ]
        if self.not_counted:
            parts.append("\n".join(["not counted", *self.not_counted]))
        return "\n\n".join(part for part in parts if part)

    def plot(self) -> Any:
        """Plot synaptic operations and activation sparsity, layer by layer.

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

        n_rows = max(len(self.connections), len(self.neurons), 2)
        figure = Figure(figsize=(10, 1.5 + 0.3 * n_rows), layout="constrained")
        operations, activations = figure.subplots(1, 2)
        rows = range(len(self.connections))
        for label, color, counts in (
            ("dense", "lightgray", [x.dense_operations for x in self.connections]),
            ("effective", "C0", [x.effective_operations for x in self.connections]),
        ):
            widths = [count / self.n_samples for count in counts]
            operations.barh(rows, widths, color=color, label=label)
        operations.set_yticks(rows, [x.name for x in self.connections])
        operations.set_xlabel("synaptic operations of a sample")
        operations.locator_params(axis="x", nbins=5)
        operations.legend()
        rows = range(len(self.neurons))
        activations.barh(rows, [x.activation_sparsity for x in self.neurons])
        activations.set_yticks(rows, [x.name for x in self.neurons])
        activations.set_xlabel("activation sparsity")
        activations.set_xlim(0, 1)
        for axes in (operations, activations):
            axes.invert_yaxis()
        return figure


def _sparsity(n_zeros: int, total: int) -> float:
    return n_zeros / total if total else 0.0


def _table(header: tuple[Any, ...], rows: list[tuple[Any, ...]]) -> str:
    """Lay out a table, the first column to the left; nothing without rows."""
    if not rows:
        return ""
    columns = list(zip(header, *rows, strict=True))
    widths = [max(len(str(cell)) for cell in column) for column in columns]
    return "\n".join(
        "  ".join(
            f"{cell!s:<{width}}" if i == 0 else f"{cell!s:>{width}}"
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (header, *rows)
    )
