"""Leaky integrate-and-fire neurons, in fewer operations than Nengo's own step."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..memory import Array, Step


def lif_step(
    neurons: Any,
    dt: float,
    J: Array,
    output: Array,
    voltage: Array,
    refractory_time: Array,
) -> Step:
    """Return a step of `nengo.LIF` neurons that gives the same numbers.

    The decay of a voltage over a time ``t`` takes a function that is slow, ``expm1``.
    But most neurons are refractory for the whole of a step, or for nothing of it, so
    that the decay is zero or always the same. Nothing is allocated but for the few
    neurons that spike or cease to be refractory.

    Parameters
    ----------
    neurons : nengo.LIF
        The parameters.
    dt : float
        The length of a step, in seconds.
    J, output, voltage, refractory_time : array of shape ``(..., n_neurons)``
        Input currents, spikes divided by ``dt``, and the state: views of memory.
    """
    dtype = voltage.dtype
    tau_rc, tau_ref = neurons.tau_rc, neurons.tau_ref
    lowest = np.asarray(neurons.min_voltage, dtype)
    spike = np.asarray(neurons.amplitude / dt, dtype)
    length = np.asarray(dt, dtype)
    one, zero = np.ones((), dtype), np.zeros((), dtype)
    whole = np.expm1(-np.full(1, dt, dtype) / tau_rc)
    active, change = np.zeros_like(voltage), np.zeros_like(voltage)
    free, begins, spikes = (np.zeros(voltage.shape, bool) for _ in range(3))
    subtract, multiply, greater = np.subtract, np.multiply, np.greater
    expm1, log1p, maximum, at_least = np.expm1, np.log1p, np.maximum, np.greater_equal

    def step() -> None:
        subtract(refractory_time, length, refractory_time)
        subtract(length, refractory_time, active)
        at_least(active, length, free)
        greater(active, zero, begins)
        greater(begins, free, begins)
        partly = begins.nonzero()
        times = active[partly]
        multiply(free, whole, active)
        if len(times):
            active[partly] = expm1(times / -tau_rc)
        subtract(J, voltage, change)
        multiply(change, active, change)
        subtract(voltage, change, voltage)
        greater(voltage, one, spikes)
        multiply(spikes, spike, output)
        spiked = spikes.nonzero()
        above = voltage[spiked]
        maximum(voltage, lowest, out=voltage)
        if len(above):
            above -= one
            after = log1p(-above / (J[spiked] - one))
            refractory_time[spiked] = tau_ref + (dt + tau_rc * after)
            voltage[spiked] = zero

    return step
