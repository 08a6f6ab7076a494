"""The energy that operations take on several devices, as published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Device:
    """The energy of operations on a device.

    Parameters
    ----------
    per_synapse : float
        Energy of a synaptic operation, in joules: an input is multiplied by a weight,
        and the product added to what the neuron has received.
    per_neuron : float
        Energy to update a neuron for one step, in joules.
    event_driven : bool
        Whether inputs and weights of zero take no energy.
    source : str
        Where the figures are from.
    per_accumulation : float, optional
        Energy of a synaptic operation whose input is a spike, in joules, so that the
        weight is added as it is; by default that of any other.
    """

    per_synapse: float
    per_neuron: float
    event_driven: bool
    source: str
    per_accumulation: float | None = None

    def energy(self, dense: float, macs: float, acs: float, updates: float) -> float:
        """Return the energy that operations take.

        Parameters
        ----------
        dense : float
            All synaptic operations, also those with zeros, which a device computes that
            is not driven by events.
        macs, acs : float
            Synaptic operations without those with zeros: multiplications that are
            accumulated, and accumulations of a weight.
        updates : float
            Updates of a neuron for one step.

        Returns
        -------
        energy : float
            In joules.
        """
        neurons = updates * self.per_neuron
        if not self.event_driven:
            return dense * self.per_synapse + neurons
        of_spikes = (
            self.per_synapse if self.per_accumulation is None else self.per_accumulation
        )
        return macs * self.per_synapse + acs * of_spikes + neurons


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
    "45 nm CMOS, all": Device(4.6e-12, 4.6e-12, False, _HOROWITZ),
    "45 nm CMOS, events": Device(4.6e-12, 4.6e-12, True, _HOROWITZ, 0.9e-12),
    "SpiNNaker": Device(13.3e-9, 26e-9, True, _HOPPNER),
    "SpiNNaker 2": Device(0.45e-9, 2.19e-9, True, _HOPPNER),
    "Loihi": Device(23.6e-12, 81e-12, True, _DAVIES),
}
