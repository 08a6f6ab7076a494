"""Holds a simulation's own weights of the Keras layers in its network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from nengo_dl_core.private_names import layers_within


class LayerWeights:
    """Gives a simulation weights of its own for the Keras layers that it calls.

    So what a simulation learns leaves the network as it is. The weights start as copies
    of those that the layers have when the simulation is built. Random numbers follow
    from the seed of the simulation, except in layers that have a seed of their own.

    Parameters
    ----------
    layers : list of keras.layers.Layer
        The layers, already built. A weight that several layers share stays shared.
    add_weight : callable
        `keras.layers.Layer.add_weight` of the layer that is to own the weights.
    """

    def __init__(
        self,
        layers: Iterable[keras.layers.Layer],
        add_weight: Callable[..., keras.Variable],
    ) -> None:
        # Keras variables compare element by element, which is of no use here
        layers = list(layers)
        shared = {id(weight): weight for layer in layers for weight in layer.variables}
        parts = [part for layer in layers for part in layers_within(layer)]
        seeded = {  # by the conventional names of what Keras' own layers have
            id(part.seed_generator.state)
            for part in parts
            if getattr(part, "seed", None) is not None
            and hasattr(part, "seed_generator")
        }
        self._unseeded = [
            key
            for key, weight in shared.items()
            if weight.path.endswith("seed_generator_state") and key not in seeded
        ]
        self._own: dict[int, keras.Variable] = {}
        self._initial: dict[int, npt.NDArray[Any]] = {}
        for key, weight in shared.items():
            value = weight.numpy().copy()
            self._initial[key] = value
            self._own[key] = add_weight(
                shape=value.shape,
                dtype=weight.dtype,
                initializer=lambda *_, value=value, **__: tf.constant(value),
                trainable=weight.trainable,
                autocast=False,
                regularizer=weight.regularizer,
                constraint=weight.constraint,
                aggregation=weight.aggregation,
                name=weight.path.replace("/", "_"),
            )

    def own(self, weight: keras.Variable) -> keras.Variable:
        """Find the simulation's variable for a weight of a layer.

        Parameters
        ----------
        weight : keras.Variable
            Weight of one of the layers.

        Returns
        -------
        variable : keras.Variable
            Has the same shape, type and role.
        """
        return self._own[id(weight)]

    def seed(self, seed: int) -> None:
        """Begin the random numbers of all layers that have no seed of their own.

        Parameters
        ----------
        seed : int
            Seed of the simulation.
        """
        for number, key in enumerate(self._unseeded):
            (value,) = np.random.SeedSequence([seed, number]).generate_state(1)
            self._own[key].assign([int(value) // 2, 0])  # a seed, and a counter

    def tensors(self) -> dict[int, tf.Tensor]:
        """Read all weights, within a trace or outside of it.

        Returns
        -------
        tensors : dict of {int: tf.Tensor}
            The simulation's values, by the ids of the layers' own variables.
        """
        return {key: tf.convert_to_tensor(x) for key, x in self._own.items()}

    def with_values(
        self, tensors: Mapping[int, tf.Tensor]
    ) -> list[tuple[keras.Variable, tf.Tensor]]:
        """Pair values with the simulation's variables that they belong to.

        Parameters
        ----------
        tensors : dict of {int: tf.Tensor}
            What `tensors` returned.

        Returns
        -------
        pairs : list of (keras.Variable, tf.Tensor)
            The simulation's variables, and their values.
        """
        return [(self._own[key], x) for key, x in tensors.items()]

    @property
    def _non_trainable(self) -> list[keras.Variable]:
        return [variable for variable in self._own.values() if not variable.trainable]

    def state(self) -> tuple[tf.Tensor, ...]:
        """Read the weights that are not trained, some of which calls change.

        Returns
        -------
        values : tuple of tf.Tensor
            For `restore`.
        """
        return tuple(tf.convert_to_tensor(x) for x in self._non_trainable)

    def restore(self, values: Iterable[Any]) -> None:
        """Give the weights that are not trained earlier values.

        Parameters
        ----------
        values : iterable of tf.Tensor or ndarray
            What `state` returned.
        """
        for variable, value in zip(self._non_trainable, values, strict=True):
            variable.assign(value)

    def reset(self) -> None:
        """Return to the weights that the layers had when the simulation was built."""
        for key, variable in self._own.items():
            variable.assign(self._initial[key])
