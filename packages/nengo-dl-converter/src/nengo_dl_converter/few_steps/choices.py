r"""What is chosen for spiking neurons, such that they do what Keras' activations do.

Given what arrives at neurons in each step, and the activations that are wanted, four
things are chosen such that the mean output of the steps comes closest:

* **thresholds**: a high one clips nothing but rounds coarsely, a low one clips. Of
  fractions of the largest activation the one with the smallest mean square error is
  taken (Deng and Gu, 2021; Li et al., 2021), for the layer or for each of its channels;
* **biases** by channel, moved by the mean error (Li et al., 2021);
* **initial voltages** by channel, likewise: unlike a bias they are felt at once (Li et
  al., 2021; Hao et al., 2023, choose them to undo a spike too many or too few);
* **signed spikes**, by which neurons take back those that came too soon because inputs
  came unevenly (Wang et al., 2022). They cost operations, and are for layers whose
  error they make clearly smaller.

Every second sample is what choices are made by. The others say whether biases and
voltages of a channel, or signed spikes of a layer, are worth having.

References
----------
S. Deng, S. Gu (2021): Optimal conversion of conventional artificial neural networks to
spiking neural networks. ICLR, arXiv:2103.00476.

Y. Li, S. Deng, X. Dong, R. Gong, S. Gu (2021): A free lunch from ANN: towards
efficient, accurate spiking neural networks calibration. ICML, arXiv:2106.06984.

Z. Hao, J. Ding, T. Bu, T. Huang, Z. Yu (2023): Bridging the gap between ANNs and SNNs
by calibrating offset spikes. ICLR, arXiv:2302.10685.

Y. Wang, M. Zhang, Y. Chen, H. Qu (2022): Signed neuron with memory: towards simple,
accurate and high-efficient ANN-SNN conversion. IJCAI.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .neurons import SpikingQuantizedReLU

Array = npt.NDArray[Any]

#: What is chosen one after the other, and how it is called: thresholds, or none where
#: all of them were trained,
THRESHOLDS = {
    "largest": "thresholds at the largest activation",
    "error": "thresholds with the smallest error",
    "channels": "thresholds by channel",
}
TRAINED = {"trained": "trained thresholds"}
#: and then what makes up for their errors.
CORRECTIONS = {
    "biases": "biases",
    "voltages": "initial voltages",
    "signed": "signed spikes",
}
#: Fractions of the largest activation that are tried as threshold.
FRACTIONS = np.linspace(0.1, 1.0, 46)
#: How often biases or voltages are moved by the error that is left.
N_MOVES = 3
#: What the error of a layer has to shrink to for signed spikes.
WORTH_A_SIGN = 0.95


def fitting(values: Array, axis: int = 0) -> Array:
    """Return the samples that choices are made by, along an axis."""
    return values.take(range(0, values.shape[axis], 2), axis)


def judging(values: Array, axis: int = 0) -> Array:
    """Return the samples that choices are judged by; all if there is one alone."""
    n_samples = values.shape[axis]
    return values.take(range(min(1, n_samples - 1), n_samples, 2), axis)


@dataclass(frozen=True)
class Choice:
    """What is chosen for the neurons of a call; arrays are ``(n_neurons,)``.

    Parameters
    ----------
    threshold : ndarray
        Thresholds, in units of the activation.
    bias : ndarray
        What is added to the input in each step, in the same units.
    voltage : ndarray
        Initial voltages, in units of the threshold.
    signed : bool
        Whether spikes are signed.
    """

    threshold: Array
    bias: Array
    voltage: Array
    signed: bool = False

    def neuron_type(self) -> SpikingQuantizedReLU:
        """Return the type of the neurons."""
        return SpikingQuantizedReLU(
            self.threshold, self.signed, initial_state={"voltage": self.voltage}
        )

    def run(self, drive: Array) -> Array:
        """Run the neurons.

        Parameters
        ----------
        drive : ndarray
            Their input without the bias, ``(n_steps, n_samples, n_neurons)``.

        Returns
        -------
        outputs : ndarray
            Their outputs, of the same shape.
        """
        neuron_type, outputs = self.neuron_type(), np.empty_like(drive)
        voltage = np.tile(self.voltage, (drive.shape[1], 1))
        fired = np.zeros_like(voltage)
        for J, output in zip(drive, outputs, strict=True):
            neuron_type.step(1, J + self.bias, output, voltage, fired)
        return outputs


class Chooser:
    """Chooses what is best for the neurons of one call.

    Parameters
    ----------
    drive : ndarray
        Their input in each step, ``(n_steps, n_samples, n_neurons)``.
    wanted : ndarray
        Their output in Keras, ``(n_samples, n_neurons)``.
    channels : ndarray of int
        Which channel each neuron belongs to, ``(n_neurons,)``.
    """

    def __init__(self, drive: Array, wanted: Array, channels: Array) -> None:
        self.drive, self.wanted, self.channels = drive, wanted, channels

    def choose(self, stages: Sequence[str], threshold: float | None) -> Choice:
        """Choose.

        Parameters
        ----------
        stages : sequence of str
            What there is to choose, of `THRESHOLDS` and `CORRECTIONS`.
        threshold : float or None
            The threshold, if it is known.
        """
        zeros = np.zeros_like(self.wanted[0])
        if threshold is None:
            thresholds = self.thresholds("error" in stages, "channels" in stages)
        else:
            thresholds = zeros + threshold
        choice = Choice(thresholds.astype(zeros.dtype), zeros, zeros + 0.5)
        for name in stages:
            if name == "biases":
                choice = self.moved(choice, "bias", 1.0)
            elif name == "voltages":
                n_steps = len(self.drive)
                choice = self.moved(choice, "voltage", n_steps / choice.threshold)
            elif name == "signed":
                signed = replace(choice, signed=True)
                before, after = self.errors(choice).sum(), self.errors(signed).sum()
                choice = signed if after < WORTH_A_SIGN * before else choice
        return choice

    def thresholds(self, by_error: bool, by_channel: bool) -> Array:
        """Choose thresholds from the largest activations, ``(n_neurons,)``."""
        wanted, n_steps = fitting(self.wanted), len(self.drive)
        largest = np.full(wanted.shape[1], max(wanted.max(), 1e-6))
        if by_channel:
            groups = np.zeros(self.channels.max() + 1)
            np.maximum.at(groups, self.channels, wanted.max(axis=0))
            # A channel that is never active has no threshold of its own.
            largest = np.where(groups > 0, groups, largest[0])[self.channels]
        if not by_error:
            return largest
        mean = fitting(self.drive, 1).mean(axis=0)

        def error(fraction: float) -> Array:
            step = (fraction / n_steps * largest).astype(mean.dtype)
            levels = np.clip(np.floor(mean / step + 0.5), 0, n_steps)
            errors = self.by_channel((levels * step - wanted) ** 2)
            return errors if by_channel else np.full_like(errors, errors.mean())

        best = np.argmin([error(fraction) for fraction in FRACTIONS], axis=0)
        return largest * FRACTIONS[best][self.channels]

    def moved(self, choice: Choice, name: str, factor: Any) -> Choice:
        """Move biases or voltages by the mean errors, in channels where it helps."""
        moved, drive, wanted = choice, fitting(self.drive, 1), fitting(self.wanted)
        for _ in range(N_MOVES):
            outputs = moved.run(drive).mean(axis=0)
            errors = self.by_channel(wanted - outputs)[self.channels]
            values: dict[str, Any] = {name: getattr(moved, name) + factor * errors}
            moved = replace(moved, **values)
        helps = (self.errors(moved) < self.errors(choice))[self.channels]
        values = {name: np.where(helps, getattr(moved, name), getattr(choice, name))}
        return replace(choice, **values)

    def errors(self, choice: Choice) -> Array:
        """Compute mean square errors, ``(n_channels,)``, with the other samples."""
        outputs = choice.run(judging(self.drive, 1)).mean(axis=0)
        return self.by_channel((outputs - judging(self.wanted)) ** 2)

    def by_channel(self, values: Array) -> Array:
        """Average values, ``(n_samples, n_neurons)``, to ``(n_channels,)``."""
        sums = np.bincount(self.channels, weights=values.mean(axis=0))
        return (sums / np.bincount(self.channels)).astype(values.dtype)
