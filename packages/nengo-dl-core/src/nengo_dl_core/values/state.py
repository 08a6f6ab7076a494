"""The state of a simulation, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from nengo.exceptions import ValidationError

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class State:
    """All that a step leaves to the next.

    It can be copied, compared and pickled, and restored in any simulation of the same
    program. Its arrays must not be written to.

    Attributes
    ----------
    n_steps : int
        Number of steps that have been simulated.
    signals : tuple of ndarray
        The packed signals that survive a step, ``(minibatch_size, size)``, one array a
        type; see `Memory.initial_states`.
    generators : tuple of dict of {str: ndarray}
        Processes and random generators that live in Python; see `Generators.state`.
    layers : tuple of ndarray or tf.Tensor
        The non-trainable weights of the Keras layers in the network: statistics, and
        the seeds of their random operations.
    """

    n_steps: int
    signals: tuple[Array, ...]
    generators: tuple[Mapping[str, Array], ...]
    layers: tuple[Any, ...]

    def check_fits(self, present: State) -> None:
        """Check that a simulation can go on from this state.

        Parameters
        ----------
        present : State
            The present state of the simulation.

        Raises
        ------
        nengo.exceptions.ValidationError
            If the state is that of another network, or of a simulator with another
            minibatch size, precision or list of simplifications.
        """
        given, expected = self._arrays(), present._arrays()
        for key in [*expected, *given]:
            one, other = (
                f"{np.shape(arrays[key])} of {np.asarray(arrays[key]).dtype}"
                if key in arrays
                else "nothing"
                for arrays in (given, expected)
            )
            if one != other:
                name = " ".join(map(str, key))
                raise ValidationError(
                    f"the state does not fit this simulator: {name} has {one}, "
                    f"expected {other}; it must come from the same network, "
                    "simulated with the same arguments",
                    attr="state",
                )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, State):
            return NotImplemented
        mine, theirs = self._arrays(), other._arrays()
        return (
            self.n_steps == other.n_steps
            and mine.keys() == theirs.keys()
            and all(np.array_equal(mine[key], theirs[key]) for key in mine)
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "layers": tuple(map(np.asarray, self.layers))}

    __hash__ = None  # type: ignore[assignment]

    def _arrays(self) -> dict[Any, Array]:
        named = {
            ("generators", index, name): array
            for index, arrays in enumerate(self.generators)
            for name, array in arrays.items()
        }
        signals = {("signals", i): array for i, array in enumerate(self.signals)}
        layers = {("layers", i): array for i, array in enumerate(self.layers)}
        return {**signals, **named, **layers}
