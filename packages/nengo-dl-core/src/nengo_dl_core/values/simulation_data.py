"""Access to what has been simulated: probe values and live parameters."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Protocol

import nengo
import numpy as np
import numpy.typing as npt
from nengo.builder import Model
from nengo.builder.connection import BuiltConnection
from nengo.builder.ensemble import BuiltEnsemble
from nengo.builder.signal import Signal
from nengo.exceptions import ValidationError
from nengo.transforms import SparseMatrix

from nengo_dl_core.network.firing_rate_scale import scale_of
from nengo_dl_core.network.gains import gain_signals
from nengo_dl_core.values.probe_data import ProbeData
from nengo_dl_optimizer import sparse_entries

Array = npt.NDArray[Any]


class Simulated(Protocol):
    """What `SimulationData` needs of a `Simulator`, which may be closed.

    Attributes
    ----------
    model : nengo.builder.Model
        The built model.
    probe_data : dict of {nengo.Probe: ProbeData}
        What the probes have recorded.
    signals : dict of {nengo.builder.Signal: ndarray}
        Present values of signals.
    """

    model: Model
    probe_data: Mapping[nengo.Probe, ProbeData]
    signals: Mapping[Signal, Array]


class SimulationData(Mapping[Any, Any]):
    """Maps Probes to recorded values, and other objects to their parameters.

    The simulator makes it; use it as ``sim.data``.

    Parameters
    ----------
    sim : Simulator
        The simulator.
    minibatched : bool
        Whether values have a leading minibatch axis; if not, it is removed.

    Attributes
    ----------
    predicted : bool
        Whether `Simulator.predict` has returned values, which are not recorded.
    """

    def __init__(self, sim: Simulated, minibatched: bool) -> None:
        self.sim = sim
        self.minibatched = minibatched
        self.predicted = False

    def __getitem__(self, obj: Any) -> Any:
        """Look an object up.

        Parameters
        ----------
        obj : nengo.Probe or nengo.Ensemble or nengo.Connection
            An object of the simulated network.

        Returns
        -------
        data : ndarray or nengo.builder.ensemble.BuiltEnsemble or other
            For a Probe what it recorded, ``(minibatch_size, n_samples, size_in)``, or
            without the first axis if the simulator has no ``minibatch_size``. For other
            objects what Nengo built, with the present values of the parameters.

        Raises
        ------
        nengo.exceptions.ValidationError
            If the object is not in the network.
        """
        if obj in self.sim.probe_data:
            return self._probe_values(obj)
        if obj not in self.sim.model.params:
            raise ValidationError(
                f"{obj!r} is not in the simulated network, of which Probes, Ensembles "
                "and Connections have data, as they were when the simulator was built",
                attr="data",
                obj=self.sim,
            )
        built = self.sim.model.params[obj]
        if isinstance(built, BuiltEnsemble):
            return self._live_ensemble(obj, built)
        if isinstance(built, BuiltConnection) and built.weights is not None:
            if self.sim.model.sig[obj].get("weights") is None:
                return built
            (weights,) = self.get_params((obj, "weights"))
            return BuiltConnection(
                eval_points=built.eval_points,
                solver_info=built.solver_info,
                weights=weights,
                transform=built.transform,
            )
        return built

    def __iter__(self) -> Iterator[Any]:
        return iter(self.sim.model.params)

    def __len__(self) -> int:
        return len(self.sim.model.params)

    def _probe_values(self, probe: nengo.Probe) -> Array:
        values = self.sim.probe_data[probe].values
        if self.predicted and not len(values):
            warnings.warn(
                f"{probe} has recorded nothing: predict returns its values, and only "
                "run, run_steps and step record them",
                stacklevel=3,
            )
        values = np.swapaxes(values, 0, 1) if self.minibatched else values[:, 0]
        values.setflags(write=False)
        return values

    def _live_ensemble(
        self, ens: nengo.Ensemble, built: BuiltEnsemble
    ) -> BuiltEnsemble:
        """Return what Nengo built for an ensemble, with the present parameters."""
        if isinstance(ens.neuron_type, nengo.Direct):
            return built
        scaled_encoders, bias = self.get_params((ens, "encoders"), (ens, "bias"))
        gain = self.present_gain(ens)
        present = (scaled_encoders, bias, gain)
        first = (built.scaled_encoders, built.bias, built.gain)
        if all(map(np.array_equal, present, first)):
            return built
        # Neurons without gain keep their encoders until training gives them others,
        # which only a gain can express
        silent = gain == 0
        moved = silent & (scaled_encoders != 0).any(
            axis=(*range(scaled_encoders.ndim - 2), -1)
        )
        gain = np.where(moved, 1, gain)
        factors = np.where(gain == 0, 1, gain)[:, None]
        encoders = np.where(
            gain[:, None] == 0, built.encoders, scaled_encoders * ens.radius / factors
        )
        with np.errstate(invalid="ignore", divide="ignore"):  # of silent neurons
            max_rates, intercepts = ens.neuron_type.max_rates_intercepts(gain, bias)
        return BuiltEnsemble(
            eval_points=built.eval_points,
            encoders=encoders,
            intercepts=intercepts,
            max_rates=max_rates,
            scaled_encoders=scaled_encoders,
            gain=gain,
            bias=bias,
        )

    def present_gain(self, ens: nengo.Ensemble) -> Array:
        """Read the gain of neurons.

        Parameters
        ----------
        ens : nengo.Ensemble
            An ensemble of the simulated network.

        Returns
        -------
        gain : ndarray
            What Nengo built; or, for neurons that have connections of their own, what
            these multiply by.
        """
        gain = self.sim.model.params[ens].gain
        for sig, neurons in self.gain_signals.get(ens, ()):
            value = present_value(self.sim.signals, sig)
            if value is not sig.initial_value:
                gain = np.array(gain)
                gain[neurons] = value
        return gain

    @cached_property
    def gain_signals(self) -> dict[nengo.Ensemble, list[tuple[Signal, Any]]]:
        """Signals of the gains of neurons that have connections of their own."""
        return gain_signals(self.sim.model)

    def get_params(self, *obj_attrs: tuple[Any, str]) -> list[Any]:
        """Read the present values of parameters.

        Parameters
        ----------
        *obj_attrs : tuple of (NengoObject, str)
            Objects and the names of their parameters: ``"encoders"`` (scaled by gain
            and radius) or ``"bias"`` of an ensemble, ``"weights"`` of a connection, or
            its ``"delays"`` in steps, if they can be learned.

        Returns
        -------
        params : list of ndarray or sparse matrix
            The values, in the precision of the simulation; or, if they have not changed
            since, exactly as Nengo built them. Those that an online learning rule
            changes have a leading minibatch axis, if the simulator has a
            ``minibatch_size``.
        """
        model, values = self.sim.model, []
        for obj, attr in obj_attrs:
            sig = model.sig[obj.neurons if attr == "bias" else obj][attr]
            value = present_value(self.sim.signals, sig)
            if attr == "bias" and (scale := scale_of(model, obj)) != 1:
                unchanged = value is sig.initial_value
                value = model.params[obj].bias if unchanged else value * scale
            values.append(value)
        return values


def present_value(values: Mapping[Signal, Array], sig: Signal) -> Any:
    """Read a parameter.

    Parameters
    ----------
    values : dict of {nengo.builder.Signal: ndarray}
        The present values of a simulation.
    sig : nengo.builder.Signal
        The signal of the parameter.

    Returns
    -------
    value : ndarray or sparse matrix
        Its value; the very array that Nengo built, if only the precision differs.
    """
    if sig not in values:
        return sig.initial_value
    value, first = values[sig], sig.initial_value
    indices, entries = sparse_entries(sig) if sig.sparse else (None, first)
    if value is first or np.array_equal(value, entries.astype(value.dtype)):
        return first
    if not sig.sparse:
        return value
    if isinstance(first, SparseMatrix):
        return SparseMatrix(indices, value, sig.shape)
    matrix = first.tocoo(copy=True)
    matrix.data = value
    return matrix.asformat(first.format)
