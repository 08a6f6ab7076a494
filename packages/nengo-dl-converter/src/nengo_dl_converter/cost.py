"""An estimate of the operations of a network, and of the energy that they take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import nengo
import numpy as np
from nengo.base import ObjView

from .converted_model import ConvertedModel
from .simulation import as_data, inputs_or_ones, probed, simulate


@dataclass(frozen=True)
class Device:
    """The energy of operations on a device.

    Parameters
    ----------
    per_synapse : float
        Energy of a synaptic operation, in joules: one input times one weight.
    per_neuron : float
        Energy to update a neuron for one step, in joules.
    event_driven : bool
        Whether inputs of zero take no energy, because no spike is sent.
    source : str
        Where the figures are from.
    """

    per_synapse: float
    per_neuron: float
    event_driven: bool
    source: str


_KERAS_SPIKING = "figures in the documentation of KerasSpiking's ModelEnergy, after "
_DEGNAN = _KERAS_SPIKING + (
    "B. Degnan, B. Marr, J. Hasler (2016): Assessing trends in performance per watt "
    "for signal processing applications. IEEE Transactions on VLSI Systems 24(1)"
)
_HOPPNER = _KERAS_SPIKING + (
    "S. Höppner, C. Mayr (2018): SpiNNaker2: Towards extremely efficient digital "
    "neuromorphics and multi-scale brain emulation. NICE 2018"
)
_DAVIES = (
    "M. Davies et al. (2018): Loihi: A neuromorphic manycore processor with on-chip "
    "learning. IEEE Micro 38(1). Smallest energy of a synaptic operation, and energy "
    "of the update of an active neuron"
)
_HOROWITZ = (
    "M. Horowitz (2014): Computing's energy problem (and what we can do about it). "
    "ISSCC 2014. A multiplication (3.7 pJ) and an addition (0.9 pJ) of 32-bit floats, "
    "and nothing around them"
)

DEVICES: Mapping[str, Device] = {
    "CPU (Intel i7-4960X)": Device(8.6e-9, 8.6e-9, False, _DEGNAN),
    "GPU (Nvidia Titan Black)": Device(0.3e-9, 0.3e-9, False, _DEGNAN),
    "ARM (Cortex-A)": Device(0.9e-9, 0.9e-9, False, _DEGNAN),
    "arithmetic in 45 nm CMOS": Device(4.6e-12, 4.6e-12, False, _HOROWITZ),
    "SpiNNaker": Device(13.3e-9, 26e-9, True, _HOPPNER),
    "SpiNNaker 2": Device(0.45e-9, 2.19e-9, True, _HOPPNER),
    "Loihi": Device(23.6e-12, 81e-12, True, _DAVIES),
}


@dataclass(frozen=True)
class Cost:
    """Operations for one inference; prints as a table with the energy they take.

    The energy is that of counted operations, each at the published figure of a
    `Device` (see its ``source``). Left out are what a device takes when idle, memory
    beyond what a figure includes, spikes on their way between cores, and getting inputs
    in and outputs out, of which inputs that are no spikes are counted as active in each
    step. Figures of different authors include different things. So this tells which of
    two networks costs less on a device, and the order of magnitude between devices.

    Parameters
    ----------
    weights_used : int
        Multiplications with a weight in the Keras model (and in each step of the
        network, for a device that is not driven by events).
    n_neurons : int
        Neurons of the network, and so activation functions of the Keras model.
    n_steps : int
        Steps that the network is run for.
    synaptic_operations : float
        Multiplications of inputs that are not zero with a weight, in all steps; mean of
        the examples.
    """

    weights_used: int
    n_neurons: int
    n_steps: int
    synaptic_operations: float

    def of_network(self, device: Device) -> float:
        """Energy of an inference by the network on a device, in joules."""
        operations = (
            self.synaptic_operations
            if device.event_driven
            else self.weights_used * self.n_steps
        )
        updates = self.n_neurons * self.n_steps
        return operations * device.per_synapse + updates * device.per_neuron

    def of_keras_model(self, device: Device) -> float | None:
        """Energy of an inference by the Keras model, None where it does not run."""
        if device.event_driven:
            return None
        return (
            self.weights_used * device.per_synapse + self.n_neurons * device.per_neuron
        )

    def __str__(self) -> str:
        lines = [
            f"neurons                   {self.n_neurons}",
            f"steps                     {self.n_steps}",
            f"neuron updates            {self.n_neurons * self.n_steps}",
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
        return "\n".join(lines)


def products(transform: Any) -> int:
    """Count the products of an input and a weight in a transform.

    Scales of all or of single elements are not counted: they can be put into the
    weights or neurons next to them.
    """
    if isinstance(transform, nengo.Convolution):
        positions = transform.output_shape.size // transform.n_filters
        return int(positions * np.prod(transform.kernel_shape))
    if isinstance(transform, nengo.Dense) and len(transform.init_shape) == 2:
        return int(np.prod(transform.init_shape))
    return 0


def estimate(
    converted: ConvertedModel, inputs: Sequence[Any] | None, n_steps: int
) -> Cost:
    """Estimate what the network costs; see `Converter.cost`."""
    inputs = inputs_or_ones(converted.model, inputs, n_steps)
    given = set(converted.inputs.values())
    weighted = []
    for connection in converted.net.all_connections:
        count = products(connection.transform)
        constant = connection.pre_obj.size_in == 0 and connection.pre_obj not in given
        if count and not constant:  # biases come from a constant
            weighted.append((connection, count))
    objs = list(dict.fromkeys(connection.pre_obj for connection, _ in weighted))
    with probed(converted.net, objs) as probes:
        data = as_data(converted, inputs, n_steps)
        found = simulate(converted.net, data, probes)
    recorded = dict(zip(objs, found, strict=True))
    operations = 0.0
    for connection, count in weighted:
        # as if each input took part in as many products as the others
        active = recorded[connection.pre_obj] != 0
        if isinstance(connection.pre, ObjView):
            active = active[..., connection.pre_slice]
        operations += count * active.mean() * active.shape[1]
    return Cost(
        weights_used=sum(count for _, count in weighted),
        n_neurons=converted.net.n_neurons,
        n_steps=next(iter(data.values())).shape[1],
        synaptic_operations=operations,
    )
