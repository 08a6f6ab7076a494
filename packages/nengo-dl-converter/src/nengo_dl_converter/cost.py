"""An estimate of what a network takes for an inference, beside its Keras model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import nengo_dl_core
from nengo_dl_core import DEVICES, Device, NetworkMetrics

from .converted_model import ConvertedModel
from .simulation import as_data, inputs_or_ones


@dataclass(frozen=True)
class Cost:
    """What a converted network takes; prints as a table, beside the Keras model.

    Energies are those of counted operations; `nengo_dl_core.NetworkMetrics.energy` says
    what is left out. Inputs that are no spikes are active in each step.

    Parameters
    ----------
    metrics : nengo_dl_core.NetworkMetrics
        What was measured of the network, in all and by layer; can be plotted.
    """

    metrics: NetworkMetrics

    @property
    def weights_used(self) -> int:
        """Multiplications with a weight in the Keras model, as in a step."""
        return round(self.metrics.dense_operations) // self.metrics.n_steps

    @property
    def n_neurons(self) -> int:
        """Neurons of the network, and so activation functions of the Keras model."""
        return self.metrics.n_neurons

    @property
    def n_steps(self) -> int:
        """Steps that the network is run for."""
        return self.metrics.n_steps

    @property
    def synaptic_operations(self) -> float:
        """Products of inputs and weights that are not zero; mean of the examples."""
        return self.metrics.effective_macs + self.metrics.effective_acs

    def of_network(self, device: Device) -> float:
        """Energy of an inference by the network on a device, in joules."""
        return self.metrics.energy(device)

    def of_keras_model(self, device: Device) -> float | None:
        """Energy of an inference by the Keras model, None where it does not run."""
        if device.event_driven:
            return None
        return device.energy(self.weights_used, 0, 0, self.n_neurons)

    def __str__(self) -> str:
        lines = [
            f"neurons                   {self.n_neurons}",
            f"steps                     {self.n_steps}",
            f"neuron updates            {self.metrics.neuron_updates}",
            f"synaptic operations       {self.synaptic_operations:.0f}",
            f"Keras: weights used       {self.weights_used}",
            "",
            "energy of one inference     Keras model      network",
        ]
        for name, device in DEVICES.items():
            keras_model = self.of_keras_model(device)
            shown = "-" if keras_model is None else f"{keras_model * 1e6:.3g} µJ"
            network = f"{self.of_network(device) * 1e6:.3g} µJ"
            lines.append(f"{name:26}  {shown:>11}  {network:>11}")
        not_counted = [f"not counted: {words}" for words in self.metrics.not_counted]
        return "\n".join([*lines, *not_counted])


def estimate(
    converted: ConvertedModel, inputs: Sequence[Any] | None, n_steps: int
) -> Cost:
    """Estimate what the network costs; see `Converter.cost`."""
    inputs = inputs_or_ones(converted.model, inputs, n_steps)
    data = as_data(converted, inputs, n_steps)
    with nengo_dl_core.Simulator(
        converted.net, minibatch_size=min(len(inputs[0]), 32), progress_bar=False
    ) as sim:
        return Cost(nengo_dl_core.measure(sim, data))
