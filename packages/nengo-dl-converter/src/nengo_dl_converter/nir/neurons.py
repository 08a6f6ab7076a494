r"""The neurons of NIR, as neuron types of Nengo.

Where NIR gives differential equations, a step of length :math:`\Delta t` with constant
input :math:`x` computes

.. math:: v \leftarrow v + k \, (v_{leak} + r x - v), \quad
   k = 1 - e^{-\Delta t / \tau} \text{ (exact)} \text{ or }
   k = \Delta t / \tau \text{ (Euler)},

for those that leak, and :math:`v \leftarrow v + \Delta t \, r x` for the others. Then
neurons spike whose voltage is above :math:`v_{threshold}`, and have
:math:`v_{reset}` at the end of the step. All voltages begin at 0. A spike is 1 for one
step, and not, as with Nengo's own types, one over the length of a step: it is what
arrives at weights that were trained elsewhere.
"""

from __future__ import annotations

from abc import abstractmethod
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from nengo.dists import Choice, Distribution
from nengo.exceptions import SimulationError
from nengo.neurons import NeuronType
from nengo.params import EnumParam, NdarrayParam, NumberParam

from .errors import NIRError

Array = npt.NDArray[np.float64]

DISCRETIZATIONS = ("exact", "euler")


def check_steps(dt: float, discretization: str) -> float:
    """Check how steps are to be computed, and give their length.

    Parameters
    ----------
    dt : float
        Length of a step, in seconds.
    discretization : "exact" or "euler"
        How a step is computed.

    Returns
    -------
    dt : float
        The length.

    Raises
    ------
    NIRError
        If one of them is none.
    """
    if discretization not in DISCRETIZATIONS:
        raise NIRError(
            f'discretization must be "exact" or "euler", not {discretization!r}'
        )
    if not (isinstance(dt, Real) and 0 < dt < np.inf):
        raise NIRError(f"dt must be a length of time in seconds, not {dt!r}")
    return float(dt)


class _PerNeuron(NdarrayParam):
    """A parameter with a value for each neuron."""

    def __init__(self, name: str) -> None:
        super().__init__(name, shape=("*",))


class NIRNeuronType(NeuronType):
    """Base of the neuron types of NIR.

    Parameters
    ----------
    dt : float
        Length of a step in seconds, the one that the graph was imported for.
    """

    negative = True
    dt = NumberParam("dt", low=0, low_open=True)

    def __init__(self, dt: float, initial_state: Any = None) -> None:
        super().__init__(initial_state)
        self.dt = dt

    def __eq__(self, other: object) -> bool:
        # Nengo computes neurons of equal types together, with the parameters of one.
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def check_dt(self, dt: float) -> None:
        """Refuse a step of another length.

        Parameters
        ----------
        dt : float
            Length of a step of the simulation, in seconds.

        Raises
        ------
        nengo.exceptions.SimulationError
            If it is another.
        """
        if dt != self.dt:
            raise SimulationError(
                f"the network was imported from NIR for steps of {self.dt} s, and is "
                f"simulated with steps of {dt} s: give the simulator dt={self.dt}"
            )

    def max_rates_intercepts(self, gain: Any, bias: Any) -> tuple[None, None]:
        """Say that neither is known: NIR's neurons are not made for decoding."""
        return None, None


class Threshold(NIRNeuronType):
    """Give 1 where the input is above a threshold, else 0.

    Parameters
    ----------
    dt : float
        Length of a step, in seconds.
    threshold : (n_neurons,) array_like
        The thresholds.
    """

    threshold = _PerNeuron("threshold")

    def __init__(self, dt: float, threshold: Any, initial_state: Any = None) -> None:
        super().__init__(dt, initial_state)
        self.threshold = threshold

    def step(self, dt: float, J: Array, output: Array) -> None:
        """Compute one step, in place."""
        self.check_dt(dt)
        output[...] = self.threshold < J


class VoltageType(NIRNeuronType):
    """Base of the neuron types with a voltage, which is the output.

    Parameters
    ----------
    dt : float
        Length of a step, in seconds.
    """

    state: ClassVar[dict[str, Distribution]] = {"voltage": Choice([0.0])}

    @abstractmethod
    def integrated(self, J: Array, voltage: Array) -> Array:
        """Compute the voltage at the end of a step, before spikes.

        Parameters
        ----------
        J, voltage : ndarray
            Input and voltage at the beginning, ``(n_neurons,)``.
        """

    def step(self, dt: float, J: Array, output: Array, voltage: Array) -> None:
        """Compute one step, in place."""
        self.check_dt(dt)
        voltage[...] = self.integrated(J, voltage)
        output[...] = voltage


class SpikingType(VoltageType):
    """Base of the neuron types that spike and are reset.

    Parameters
    ----------
    dt : float
        Length of a step, in seconds.
    """

    spiking = True
    negative = False
    v_threshold = _PerNeuron("v_threshold")
    v_reset = _PerNeuron("v_reset")

    def step(self, dt: float, J: Array, output: Array, voltage: Array) -> None:
        """Compute one step, in place."""
        self.check_dt(dt)
        integrated = self.integrated(J, voltage)
        output[...] = integrated > self.v_threshold
        voltage[...] = np.where(output, self.v_reset, integrated)


class Integrator(VoltageType):
    """Integrate the input: I, whose output is the voltage.

    Parameters
    ----------
    dt : float
        Length of a step, in seconds.
    r : (n_neurons,) array_like
        Resistances.
    """

    r = _PerNeuron("r")

    def __init__(self, dt: float, r: Any, initial_state: Any = None) -> None:
        super().__init__(dt, initial_state)
        self.r = r

    @property
    def gain(self) -> Array:
        """What the voltage rises by in a step, for an input of 1."""
        return self.dt * self.r

    def integrated(self, J: Array, voltage: Array) -> Array:
        """Compute the voltage before spikes; see `VoltageType.integrated`."""
        return voltage + self.gain * J


class LeakyIntegrator(VoltageType):
    """Integrate the input, with a leak: LI, whose output is the voltage.

    Parameters
    ----------
    dt : float
        Length of a step, in seconds.
    tau : (n_neurons,) array_like
        Time constants, in seconds.
    r : (n_neurons,) array_like
        Resistances.
    v_leak : (n_neurons,) array_like
        Voltages that are approached without input.
    discretization : "exact" or "euler"
        How a step is computed.
    """

    tau = _PerNeuron("tau")
    r = _PerNeuron("r")
    v_leak = _PerNeuron("v_leak")
    discretization = EnumParam("discretization", values=DISCRETIZATIONS)

    def __init__(
        self,
        dt: float,
        tau: Any,
        r: Any,
        v_leak: Any,
        discretization: str,
        initial_state: Any = None,
    ) -> None:
        super().__init__(dt, initial_state)
        self.tau = tau
        self.r = r
        self.v_leak = v_leak
        self.discretization = discretization

    @property
    def approach(self) -> Array:
        """Which part of the way to its goal the voltage goes in a step."""
        part = self.dt / self.tau
        return part if self.discretization == "euler" else -np.expm1(-part)

    def integrated(self, J: Array, voltage: Array) -> Array:
        """Compute the voltage before spikes; see `VoltageType.integrated`."""
        goal = self.v_leak + self.r * J
        return voltage + self.approach * (goal - voltage)


class IntegrateAndFire(SpikingType, Integrator):
    """Integrate the input, and spike: IF.

    Parameters
    ----------
    dt : float
        Length of a step, in seconds.
    r : (n_neurons,) array_like
        Resistances.
    v_threshold, v_reset : (n_neurons,) array_like
        Voltages above which neurons spike, and those afterwards.
    """

    def __init__(
        self,
        dt: float,
        r: Any,
        v_threshold: Any,
        v_reset: Any,
        initial_state: Any = None,
    ) -> None:
        super().__init__(dt, r, initial_state)
        self.v_threshold = v_threshold
        self.v_reset = v_reset


class LeakyIntegrateAndFire(SpikingType, LeakyIntegrator):
    """Integrate the input, with a leak, and spike: LIF.

    Parameters
    ----------
    dt : float
        Length of a step, in seconds.
    tau : (n_neurons,) array_like
        Time constants, in seconds.
    r : (n_neurons,) array_like
        Resistances.
    v_leak : (n_neurons,) array_like
        Voltages that are approached without input.
    v_threshold, v_reset : (n_neurons,) array_like
        Voltages above which neurons spike, and those afterwards.
    discretization : "exact" or "euler"
        How a step is computed.
    """

    def __init__(
        self,
        dt: float,
        tau: Any,
        r: Any,
        v_leak: Any,
        v_threshold: Any,
        v_reset: Any,
        discretization: str,
        initial_state: Any = None,
    ) -> None:
        super().__init__(dt, tau, r, v_leak, discretization, initial_state)
        self.v_threshold = v_threshold
        self.v_reset = v_reset
