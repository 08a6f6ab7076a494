"""The layers of KerasSpiking (see `nengo_dl_converter.spiking`)."""

from __future__ import annotations

from typing import Any

import nengo
import numpy as np
from nengo.base import NengoObject
from nengo.neurons import NeuronType

from ..conversion import Conversion
from ..layer_converter import LayerConverter, regularized
from ..populations import changed


class ConvertKerasSpiking(LayerConverter):
    """Base of the converters of KerasSpiking layers.

    Their steps are those of the simulation, so this is for temporal models, and a step
    of the simulator has to be as long as the ``dt`` of the layers.
    """

    unsupported_args = (
        ("return_sequences", True),
        ("return_state", False),
        ("stateful", False),
        ("time_major", False),
    )
    needs_time = True
    has_memory = True


class ConvertSpikingActivation(ConvertKerasSpiking):
    """Convert ``SpikingActivation`` to spiking neurons.

    In training NengoDL's spiking neurons compute rates, as the layer does without
    ``spiking_aware_training``. With a ``seed``, every example starts with the voltages
    that the layer gives the first one.
    """

    unsupported_training_args = (
        *regularized(),
        ("spiking_aware_training", False),
    )

    @classmethod
    def obstacle(cls, layer: Any, converter: Conversion) -> str | None:
        if not isinstance(converter.activations[layer.activation], NeuronType):
            return f"no neuron type computes the activation {layer.activation!r}"
        return super().obstacle(layer, converter)

    def convert(self, node_id: int) -> NengoObject:
        neuron_type: Any = self.converter.activations[self.layer.activation]
        if neuron_type == nengo.RectifiedLinear():
            neuron_type = nengo.SpikingRectifiedLinear()
        elif not neuron_type.spiking:
            neuron_type = nengo.RegularSpiking(neuron_type)
        output = self.add_nengo_obj(node_id, activation=neuron_type)
        self.add_connection(node_id, output)
        if self.layer.seed is not None:
            self._set_voltages(output.ensemble)
        return output

    def _set_voltages(self, ensemble: nengo.Ensemble) -> None:
        """Start neurons with the voltages that the layer gives the first example."""
        alike = (nengo.SpikingRectifiedLinear, nengo.RegularSpiking)
        if isinstance(ensemble.neuron_type, alike):
            (voltages,) = self.layer.rnn.cell.get_initial_state(batch_size=1)
            ensemble.neuron_type = changed(
                ensemble.neuron_type, initial_state={"voltage": voltages.numpy()[0]}
            )


class ConvertLowpassAlpha(ConvertKerasSpiking):
    r"""Convert ``Lowpass`` and ``Alpha`` to passthrough Nodes with feedback.

    Nengo's synapses answer one step late, the layers at once. With
    :math:`s = \exp(-dt / \tau)` they are, for inputs that are constant within a step,

    .. math::
       y_t &= (1 - s) x_t + s y_{t-1} \\
       y_t &= b_0 x_t + b_1 x_{t-1} + 2 s y_{t-1} - s^2 y_{t-2},

    where :math:`b_0 = 1 - (1 + dt / \tau) s` and :math:`b_1 = s (s - 1 + dt / \tau)`.
    Before the first step, inputs and outputs have the initial level.
    """

    unsupported_training_args = (
        *regularized(),
        ("apply_during_training", True),
    )

    @classmethod
    def obstacle(cls, layer: Any, converter: Conversion) -> str | None:
        obstacle = super().obstacle(layer, converter)
        if obstacle is None and layer.trainable and not converter.inference_only:
            return "its time constants are trained (see inference_only)"
        return obstacle

    def convert(self, node_id: int) -> NengoObject:
        connect = self.converter.populations.connect
        shape = self.output_shape(node_id)
        weights = {weight.name: weight.numpy() for weight in self.layer.weights}
        ratio, level = (
            np.broadcast_to(value, (1, *shape)).ravel()
            for value in (self.layer.dt / weights["tau"], weights["initial_level"])
        )
        decay = np.exp(-ratio)
        if self.layer.order == 1:
            inputs, outputs = [1 - decay], [decay]
        else:
            inputs = [1 - (1 + ratio) * decay, decay * (decay - 1 + ratio)]
            outputs = [2 * decay, -(decay**2)]

        source, output = self.add_nengo_obj(node_id), self.add_nengo_obj(node_id)
        self.add_connection(node_id, source)
        for steps, weight in enumerate(inputs):
            # a synapse of 0 is a delay of one step
            connect(source, output, transform=weight, synapse=0 if steps else None)
        earlier = output
        for weight in outputs:
            connect(earlier, output, transform=weight, synapse=0)
            earlier, later = self.add_nengo_obj(node_id), earlier
            connect(later, earlier, synapse=0)
        if level.any():
            self._add_initial_level(output, level, inputs, outputs)
        return output

    def _add_initial_level(
        self,
        output: NengoObject,
        level: np.ndarray,
        inputs: list[np.ndarray],
        outputs: list[np.ndarray],
    ) -> None:
        """Add what comes from inputs and outputs before the first step."""
        initial = [
            level * (sum(inputs[step + 1 :]) + sum(outputs[step:]))
            for step in range(len(outputs))
        ]

        def before_first_step(t: float) -> np.ndarray:
            step = round(t / self.layer.dt) - 1
            return initial[step] if step < len(initial) else np.zeros_like(level)

        node = nengo.Node(before_first_step, size_out=level.size)
        self.converter.populations.connect(node, output)
