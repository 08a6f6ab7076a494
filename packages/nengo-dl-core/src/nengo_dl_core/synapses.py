"""Synapses beside those of Nengo; they run in every Nengo simulator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from nengo.exceptions import ValidationError
from nengo.params import IntParam, NdarrayParam
from nengo.rc import rc
from nengo.synapses import Synapse

Array = npt.NDArray[Any]


class Delay(Synapse):
    r"""Hand on the input of some steps before, and 0 at first.

    Its transfer function is :math:`z^{-n}` for a delay of :math:`n` steps. As with all
    synapses, what comes through a connection is another step later.

    Delays are in steps, since only whole steps can be simulated, and since that is the
    scale on which an optimizer of usual learning rate moves them.

    With ``max_steps``, delays of connections are parameters, which `Simulator.fit`
    learns in the range from 0 to there. In training a delay of :math:`n + f` steps
    interpolates linearly between what was there :math:`n` and :math:`n + 1` steps
    before [1]_, so that it has a gradient: the slope of the input, the one towards
    longer delays where :math:`f = 0`. Everywhere else, and in every other simulator,
    delays are rounded. Training finds delays only as far away as the input is smooth,
    so spikes should be filtered or delays be spread out at first [2]_.

    Parameters
    ----------
    steps : float or (size,) array_like
        By how many steps the input is delayed: one number for all of it, or one for
        each element. They are whole numbers, unless they are learned.
    max_steps : int, optional
        The longest delay that may be learned; by default delays stay as they are.
    **kwargs
        Passed on to `nengo.synapses.Synapse`.

    Raises
    ------
    nengo.exceptions.ValidationError
        If a delay is negative, not finite, above ``max_steps``, or between two steps
        although delays are not learned; later, if there are not as many delays as
        elements.

    References
    ----------
    .. [1] Khalfaoui-Hassani, I., Pellegrini, T. and Masquelier, T. "Dilated convolution
       with learnable spacings." ICLR (2023), section 2.
    .. [2] Hammouamri, I., Khalfaoui-Hassani, I. and Masquelier, T. "Learning delays in
       spiking neural networks using dilated convolutions with learnable spacings."
       ICLR (2024). There a Gaussian that gets narrower takes the place of the
       interpolation.

    Examples
    --------
    >>> import nengo_dl_core
    >>> nengo_dl_core.Delay(2).filt([[1], [2], [3], [4]]).ravel()
    array([0., 0., 1., 2.])
    >>> nengo_dl_core.Delay([0, 1]).filt([[1, 1], [2, 2], [3, 3]])
    array([[1., 0.],
           [2., 1.],
           [3., 2.]])
    """

    steps = NdarrayParam("steps", shape=("...",), dtype=np.float64)
    max_steps = IntParam("max_steps", low=1, optional=True)

    def __init__(self, steps: Any, max_steps: int | None = None, **kwargs: Any) -> None:
        steps = np.asarray(steps, np.float64)
        if steps.ndim == 1:
            kwargs.setdefault("default_size_in", len(steps))
        super().__init__(**kwargs)
        self.steps = steps
        self.max_steps = max_steps
        if steps.ndim > 1:
            self._refuse(f"be one number, or one for each element, not {steps.shape}")
        if not (np.isfinite(steps) & (steps >= 0)).all():
            self._refuse(f"not be negative or infinite: {steps}")
        if max_steps is None and (steps != np.rint(steps)).any():
            self._refuse(
                f"be whole numbers, unless they are learned (max_steps): {steps}"
            )
        if max_steps is not None and (steps > max_steps).any():
            self._refuse(f"not be above max_steps, {max_steps}: {steps}")

    def _refuse(self, words: str) -> None:
        raise ValidationError(f"delays must {words}", attr="steps", obj=self)

    @property
    def depth(self) -> int:
        """How many steps are remembered."""
        if self.max_steps is not None:
            return int(self.max_steps)
        return int(self.steps.max(initial=0))

    def with_steps(self, steps: Any) -> Delay:
        """Make the same synapse with other delays.

        Parameters
        ----------
        steps : ndarray
            As many delays as this one has. What is out of range is put to its end.

        Returns
        -------
        delay : Delay
            The new synapse.
        """
        steps = np.clip(np.reshape(steps, self.steps.shape), 0, self.depth)
        return Delay(
            steps,
            self.max_steps,
            default_size_in=self.default_size_in,
            default_dt=self.default_dt,
            seed=self.seed,
        )

    def make_state(
        self,
        shape_in: tuple[int, ...],
        shape_out: tuple[int, ...],
        dt: float,
        dtype: Any = None,
        y0: Any = 0,
    ) -> dict[str, Array]:
        """Make the memory of the last steps, the latest of them first."""
        if self.steps.ndim and self.steps.shape != shape_in[-1:]:
            raise ValidationError(
                f"there are {self.steps.size} delays for a signal of shape {shape_in}; "
                "there must be one, or one for each element",
                attr="steps",
                obj=self,
            )
        if not self.depth:
            return {}
        past = np.zeros(
            (self.depth, *shape_in), rc.float_dtype if dtype is None else dtype
        )
        past[...] = 0 if y0 is None else y0
        return {"past": past}

    def make_step(
        self,
        shape_in: tuple[int, ...],
        shape_out: tuple[int, ...],
        dt: float,
        rng: Any,
        state: dict[str, Array],
    ) -> Callable[[float, Array], Array]:
        """Make the function that computes a step."""
        return delaying(self.steps, state.get("past"))


def delaying(steps: Array, past: Array | None) -> Callable[[float, Array], Array]:
    """Make the function that computes a step of a delay.

    Parameters
    ----------
    steps : ndarray
        One delay, or one for each element. They are read in every step, and rounded.
    past : (depth, *shape) ndarray or None
        The inputs of the last steps, the latest first; changes in every step.

    Returns
    -------
    step : callable
        Gives the output for the time and the input.
    """
    if past is None:
        return lambda t, x: x
    depth, *shape = past.shape

    def step(t: float, x: Array) -> Array:
        known = np.concatenate([np.broadcast_to(x, (1, *shape)), past])
        past[...] = known[:-1]
        places = np.rint(np.clip(steps, 0, depth)).astype(np.intp)
        if places.size == 1:
            return np.asarray(known[places.item()])
        places = np.broadcast_to(places, (1, *shape))
        return np.asarray(np.take_along_axis(known, places, 0)[0])

    return step
