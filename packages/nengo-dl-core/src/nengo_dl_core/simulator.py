"""The simulator: Nengo networks on TensorFlow."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from types import NoneType, TracebackType
from typing import Any, TypeVar, cast

import keras
import nengo
import numpy as np
import numpy.typing as npt
from nengo.builder import Model
from nengo.builder.operator import Operator
from nengo.builder.signal import Signal
from nengo.cache import get_default_decoder_cache
from nengo.exceptions import (
    ReadonlyError,
    SimulationError,
    SimulatorClosed,
    ValidationError,
)
from nengo.utils.numpy import maxint

from nengo_dl_core.argument_checks import check_positive_integer
from nengo_dl_core.build_report import Diagnosis, Stages
from nengo_dl_core.engine.choice import compiles
from nengo_dl_core.engine.runner import Runner
from nengo_dl_core.network.build import empty_model
from nengo_dl_core.network.garbage import only_new_garbage
from nengo_dl_core.network.thread_pools import limited_threads
from nengo_dl_core.program.program import Program, make_program
from nengo_dl_core.progress import shown_progress
from nengo_dl_core.training.data_arguments import by_object, check_shapes, look_up
from nengo_dl_core.training.gradient_check import check_gradients
from nengo_dl_core.training.simulation_layer import SimulationLayer
from nengo_dl_core.training.trainer import Trainer
from nengo_dl_core.values.frozen_network import freeze, named_params, nengo_params
from nengo_dl_core.values.parameters import load_parameters, save_parameters
from nengo_dl_core.values.probe_data import ProbeData
from nengo_dl_core.values.session import Session
from nengo_dl_core.values.signal_values import SignalValues
from nengo_dl_core.values.simulation_data import SimulationData
from nengo_dl_core.values.state import State

Array = npt.NDArray[Any]
_Method = TypeVar("_Method", bound=Callable[..., Any])


def _while_open(method: _Method) -> _Method:
    """Let a method refuse to work on a closed simulator."""

    @wraps(method)
    def checked(self: Simulator, *args: Any, **kwargs: Any) -> Any:
        if self.closed:
            raise SimulatorClosed(
                f"Simulator.{method.__name__} cannot be used: the simulator is closed"
            )
        return method(self, *args, **kwargs)

    return cast(_Method, checked)


class Simulator:
    """Simulates a Nengo network with TensorFlow.

    It takes the place of `nengo.Simulator`, gives the same output but for rounding, and
    simulates many inputs at a time.

    Parameters
    ----------
    network : nengo.Network or None
        The network to be simulated; None if ``model`` is a complete built model.
    dt : float
        Length of a step, in seconds.
    seed : int, optional
        Seed of everything random in the simulation. By default ``network.seed + 1``,
        or a random seed if the network has none.
    model : nengo.builder.Model, optional
        Built model to add the network to.
    device : str, optional
        TensorFlow device to compute on, for example ``"/cpu:0"`` or ``"/gpu:0"``; by
        default TensorFlow's choice.
    unroll_simulation : int
        How many steps are built into one round of the simulation loop. A run has
        exactly the steps asked for in any case.
    minibatch_size : int, optional
        Number of inputs that are simulated at once. Without it the data has no
        minibatch axis, as in `nengo.Simulator`.
    progress_bar : bool or nengo.utils.progress.ProgressBar
        Whether building and running show a progress bar, if they take their time; or a
        bar of Nengo's to show it on.
    optimize : bool
        Whether the graph of operators is simplified, which takes time once and saves
        more in a simulation of any length.

    Attributes
    ----------
    data : SimulationData
        Recorded values and present parameters.
    signals : dict of {nengo.builder.Signal: ndarray}
        Present values of the signals that keep one from step to step.
    model : nengo.builder.Model
        The built model.
    closed : bool
        Whether the simulator has been closed.

    Raises
    ------
    nengo.exceptions.ValidationError
        If an argument is not possible.

    Examples
    --------
    >>> import nengo, nengo_dl_core
    >>> with nengo.Network(seed=0) as net:
    ...     stimulus = nengo.Node(0.5)
    ...     ensemble = nengo.Ensemble(20, 1)
    ...     connection = nengo.Connection(stimulus, ensemble)
    ...     probe = nengo.Probe(ensemble, synapse=0.05)
    >>> with nengo_dl_core.Simulator(net, progress_bar=False) as sim:
    ...     sim.run(0.5)
    >>> sim.data[probe].shape
    (500, 1)
    """

    def __init__(
        self,
        network: nengo.Network | None,
        dt: float = 0.001,
        seed: int | None = None,
        model: Model | None = None,
        device: str | None = None,
        unroll_simulation: int = 1,
        minibatch_size: int | None = None,
        progress_bar: bool | nengo.utils.progress.ProgressBar = True,
        optimize: bool = True,
    ) -> None:
        self.closed = True  # until everything has been built
        self._stages = Stages()
        check_positive_integer("unroll_simulation", unroll_simulation)
        if minibatch_size is not None:
            check_positive_integer("minibatch_size", minibatch_size)
        if network is None and model is None:
            raise ValidationError("give a network or a built model", attr="network")
        if not isinstance(network, (nengo.Network, NoneType)):
            raise ValidationError(
                f"must be a nengo.Network, not {network!r}; of a Keras model "
                "nengo_dl.Converter(model).net is one",
                attr="network",
            )
        self.progress_bar = progress_bar
        self.unroll_simulation = unroll_simulation
        self.minibatch_size = minibatch_size
        self.device = device
        self.optimize = optimize
        if model is None:
            model = empty_model(network, dt, get_default_decoder_cache())
        self.model = model
        if seed is None and network is not None and network.seed is not None:
            seed = network.seed + 1
        elif seed is None:
            # as the reference draws it, so that np.random.seed has the same effect
            seed = np.random.randint(maxint)  # noqa: NPY002
        with (
            only_new_garbage(),
            shown_progress(progress_bar, "Building", "Build", None) as progress,
            self._stages.shown_on(progress),
        ):
            if network is not None:
                with limited_threads(network), self._stages("Nengo's build"):
                    self.model.build(network, progress=progress.sub())
            with self._stages.shown("optimization"):
                self._program = make_program(
                    self.model,
                    unroll=unroll_simulation,
                    minibatch_size=minibatch_size or 1,
                    device=device,
                    simplify=optimize,
                )
            with self._stages.shown("variables"):
                self._layer = self._make_layer(self._program)
                self._layer.build()
        program = self._program
        self.probe_data: Mapping[nengo.Probe, ProbeData] = {
            probe: ProbeData.of(program, probe) for probe in self.model.probes
        }
        self._session = Session(program, self._layer.held, seed, self.probe_data)
        self._layer.session = self._session
        self._values = SignalValues(self._session, minibatch_size is not None)
        self.signals: Mapping[Signal, Array] = self._values
        self.data = SimulationData(self, minibatched=minibatch_size is not None)
        jit_compile = compiles(program)
        self._runner = Runner(self._session, jit_compile, self._stages)
        self._layer.jit_compile = jit_compile
        self._trainer = Trainer(self._layer, self._runner)
        self.closed = False

    @staticmethod
    def _make_layer(program: Program) -> SimulationLayer:
        return SimulationLayer(program)

    @property
    def dt(self) -> float:
        """Length of a step, in seconds."""
        return float(self.model.dt)

    @dt.setter
    def dt(self, _: float) -> None:
        raise ReadonlyError(attr="dt", obj=self)

    @property
    def seed(self) -> int:
        """Seed of the simulation."""
        return self._seed if self.closed else self._session.seeds.seed

    @seed.setter
    def seed(self, _: int) -> None:
        raise ReadonlyError(attr="seed", obj=self)

    @property
    def n_steps(self) -> int:
        """Number of the present step."""
        return self._last_step if self.closed else self._session.n_steps

    @property
    def time(self) -> float:
        """The present time of the simulation, in seconds."""
        return self.n_steps * self.dt

    @property
    @_while_open
    def program(self) -> Program:
        """What is simulated: the plan of the model, its inputs and probes."""
        return self._program

    @property
    @_while_open
    def tensor_graph(self) -> SimulationLayer:
        """The simulation as a Keras layer."""
        self._session.open()
        return self._layer

    @property
    @_while_open
    def step_order(self) -> list[Operator]:
        """The operators that are simulated, in their order."""
        return [op for group in self._program.optimized.plan for op in group]

    @property
    @_while_open
    def keras_model(self) -> keras.Model:
        """The simulation as a Keras model, from Nodes' to Probes' values by name."""
        self._session.open()
        return self._trainer.models.all_probes

    @_while_open
    def state(self) -> State:
        """Return the present state: all that a step leaves to the next.

        Returns
        -------
        state : State
            A value that can be compared, pickled, and given to `restore`.
        """
        return self._session.state()

    @_while_open
    def restore(self, state: State) -> None:
        """Go on from a state.

        Parameters
        ----------
        state : State
            What `state` returned, of this simulator or of another one for the same
            network with the same arguments. What probes have recorded stays; see
            `clear_probes`.

        Raises
        ------
        nengo.exceptions.ValidationError
            If this is no state, or one that does not fit; then nothing changes.
        """
        if not isinstance(state, State):
            raise ValidationError(
                f"expected what `state` returned, got {type(state).__name__}",
                attr="state",
                obj=self,
            )
        state.check_fits(self._session.state())
        self._session.restore(state)

    @_while_open
    def reset(
        self,
        seed: int | None = None,
        include_trainable: bool = True,
        include_probes: bool = True,
        include_processes: bool = True,
    ) -> None:
        """Return to the initial state.

        Parameters
        ----------
        seed : int, optional
            New seed of the simulation, which stays.
        include_trainable : bool
            Also undo what training and online learning rules have changed.
        include_probes : bool
            Also forget what the probes have recorded.
        include_processes : bool
            Also begin the processes anew.
        """
        if seed is not None:
            self._session.seeds.seed = seed
        self._session.reset(
            include_parameters=include_trainable, include_generators=include_processes
        )
        if include_probes:
            self.clear_probes()

    def clear_probes(self) -> None:
        """Forget what the probes have recorded."""
        for data in self.probe_data.values():
            data.clear()

    def step(self, **kwargs: Any) -> None:
        """Run one step, without progress bar.

        Parameters
        ----------
        **kwargs
            As for `run_steps`.
        """
        self.run_steps(1, **{"progress_bar": False, **kwargs})

    def run(self, time_in_seconds: float, **kwargs: Any) -> None:
        """Run for some simulated time.

        Parameters
        ----------
        time_in_seconds : float
            Simulated time, rounded to whole steps.
        **kwargs
            As for `run_steps`.

        Raises
        ------
        nengo.exceptions.ValidationError
            If the time is negative.
        """
        if not time_in_seconds >= 0:
            raise ValidationError(
                f"must be positive (got {time_in_seconds})", attr="time_in_seconds"
            )
        steps = int(np.round(float(time_in_seconds) / self.dt))
        if steps == 0:
            warnings.warn(
                f"{time_in_seconds} s is less than half a step: the simulation stays "
                f"at time {self.time}",
                stacklevel=2,
            )
        else:
            self.run_steps(steps, **kwargs)

    @_while_open
    def run_steps(
        self,
        n_steps: int,
        data: Any = None,
        progress_bar: bool | nengo.utils.progress.ProgressBar | None = None,
        stateful: bool = True,
    ) -> None:
        """Run a number of steps, exactly as many as are asked for.

        Parameters
        ----------
        n_steps : int
            Number of steps.
        data : dict or list or ndarray, optional
            Values of input Nodes, each of shape ``(minibatch_size, n_steps,
            size_out)``: by Node or name, or in the order of ``Network.all_nodes``.
            Nodes that are not mentioned give what they define.
        progress_bar : bool or nengo.utils.progress.ProgressBar, optional
            Whether to show a progress bar, or a bar of Nengo's to show the progress on;
            by default as for the simulator.
        stateful : bool
            Whether the state at the end is kept, for the next run to start from.

        Raises
        ------
        nengo.exceptions.ValidationError
            If the data does not fit the network.
        nengo.exceptions.SimulationError
            If the function of a Node returns something that is no finite number; or if
            the simulator was built under a strategy of `tf.distribute`.
        nengo.exceptions.SimulatorClosed
            If the simulator has been closed.
        """
        program = self._program
        program.check_steps(n_steps)
        if self._layer.held.distributed:
            raise SimulationError(
                "what is built under a strategy of tf.distribute cannot be run step by "
                "step; use predict, which distributes its samples"
            )
        names = program.input_names
        arrays = by_object(data, names, "input Node")
        check_shapes(arrays, names, self.minibatch_size or 1, n_steps)
        stateful = stateful and program.stateful
        show = self.progress_bar if progress_bar is None else progress_bar
        with shown_progress(show, "Simulating", "Simulation", n_steps) as bar:
            self._runner.run(n_steps, arrays, bar, stateful)

    @_while_open
    def predict(
        self,
        x: Any = None,
        n_steps: int | None = None,
        stateful: bool = False,
        **kwargs: Any,
    ) -> dict[nengo.Probe, Array]:
        """Simulate a batch of inputs, minibatch by minibatch.

        All steps of all probes are returned: ``sample_every`` counts in runs alone, so
        that values have the shape that targets have in training.

        Parameters
        ----------
        x : dict or list or ndarray, optional
            Values of input Nodes, each of shape ``(batch_size, n_steps, size_out)``, in
            the forms that `run_steps` accepts.
        n_steps : int, optional
            Number of steps, if ``x`` does not tell.
        stateful : bool
            Whether each minibatch starts where the one before it ended, and the last
            state is kept.
        **kwargs
            Passed on to `keras.Model.predict`.

        Returns
        -------
        values : dict of {nengo.Probe: ndarray}
            Values of the probes, ``(batch_size, n_steps, size_in)``. It is empty if
            the network has no probes; the steps are run in any case.

        Raises
        ------
        nengo.exceptions.ValidationError
            If the data does not fit the network, or the number of steps is not known.
        """
        values = self._trainer.predict(x, n_steps, stateful, **kwargs)
        self.data.predicted = True
        return values

    @_while_open
    def predict_on_batch(
        self,
        x: Any = None,
        n_steps: int | None = None,
        stateful: bool = False,
        **kwargs: Any,
    ) -> dict[nengo.Probe, Array]:
        """Simulate one minibatch of inputs.

        All steps of all probes are returned, whatever their ``sample_every`` is.

        Parameters
        ----------
        x : dict or list or ndarray, optional
            Values of input Nodes, each of shape ``(minibatch_size, n_steps,
            size_out)``, in the forms that `run_steps` accepts.
        n_steps : int, optional
            Number of steps, if ``x`` does not tell.
        stateful : bool
            Whether the state at the end is kept.
        **kwargs
            Passed on to `keras.Model.predict_on_batch`.

        Returns
        -------
        values : dict of {nengo.Probe: ndarray}
            Values of the probes, ``(minibatch_size, n_steps, size_in)``; see `predict`.

        Raises
        ------
        nengo.exceptions.ValidationError
            If the data does not fit the network or the minibatch.
        """
        return self._trainer.predict_on_batch(x, n_steps, stateful, **kwargs)

    @_while_open
    def compile(
        self,
        *args: Any,
        loss: Any = None,
        metrics: Any = None,
        loss_weights: Any = None,
        **kwargs: Any,
    ) -> None:
        """Prepare training and evaluation; compiling again replaces everything.

        Parameters
        ----------
        *args
            In the order of `keras.Model.compile`: the optimizer, and what is named
            below, ``loss, loss_weights, metrics``.
        loss : dict or list or object
            Loss functions of Keras (or their names, or functions of targets and
            outputs): by Probe or name, or in the order of the Probes, or one for all.
        metrics : dict or list or object
            Metrics, in the same forms; a Probe may have a list of them.
        loss_weights : dict or list
            Factors of the losses in the sum that is minimised.
        **kwargs
            Passed on to `keras.Model.compile`.

        Raises
        ------
        nengo.exceptions.ValidationError
            If something is given for what is no Probe of the network.
        """
        named = {"loss": loss, "loss_weights": loss_weights, "metrics": metrics}
        positional = dict(zip(["optimizer", *named], args, strict=False))
        self._trainer.models.compile(**{**named, **kwargs, **positional})

    @_while_open
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        n_steps: int | None = None,
        stateful: bool = False,
        spiking: bool = False,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Train the parameters of the network.

        Spiking neurons are trained through their rate equations, unless the setting
        ``spike_gradient`` says otherwise; validation computes the same, so that its
        losses can be compared with those of training, unless ``spiking`` says
        otherwise. The last minibatch may have fewer samples; it is filled up with
        copies of the last one, which losses and metrics leave out.

        Parameters
        ----------
        x : dict or list or ndarray, optional
            Values of input Nodes, as for `predict`; or a dataset or generator of
            minibatches of inputs and targets, and weights if there are any, by name,
            including ``"n_steps"`` where there are no inputs.
        y : dict or list or ndarray
            Targets of the Probes that the loss and metrics are about, each of shape
            ``(batch_size, n_steps, size_in)``, in the same forms; if they have fewer
            steps than the simulation, they are those of the last ones. Numbers of
            classes, for losses and metrics that take these, are of shape
            ``(batch_size, n_steps, 1)``.
        n_steps : int, optional
            Number of steps, if ``x`` does not tell.
        stateful : bool
            Whether each minibatch starts where the one before it ended.
        spiking : bool
            Whether validation is in spikes, as a run is; `evaluate` has the same
            argument.
        **kwargs
            Passed on to `keras.Model.fit`. There, ``sample_weight`` is of shape
            ``(batch_size,)``, ``(batch_size, 1)`` or ``(batch_size, n_steps)``, or a
            dictionary by Probe or name; ``class_weight`` is for a single Probe.

        Returns
        -------
        history : keras.callbacks.History
            The losses and metrics of all epochs.

        Raises
        ------
        nengo.exceptions.ValidationError
            If the data does not fit the network, or it has not been compiled.
        nengo.exceptions.SimulationError
            If the network sets ``inference_only``.
        """
        return self._trainer.fit(x, y, n_steps, stateful, spiking, **kwargs)

    @_while_open
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        n_steps: int | None = None,
        stateful: bool = False,
        spiking: bool = True,
        **kwargs: Any,
    ) -> dict[str, float]:
        """Compute the loss and the metrics.

        It is done in spikes, as a run is. What `fit` computes for its validation, which
        can be compared with the loss of training, comes with ``spiking=False``.

        Parameters
        ----------
        x, y, n_steps, stateful
            As for `fit`.
        spiking : bool
            Whether spiking neurons spike, or compute what they are trained by.
        **kwargs
            Passed on to `keras.Model.evaluate`.

        Returns
        -------
        results : dict of {str: float}
            The sum of the losses is ``"loss"``; the probes' losses and metrics are
            ``"<probe>_loss"`` and ``"<probe>_<metric>"``.

        Raises
        ------
        nengo.exceptions.ValidationError
            If the data does not fit the network, or it has not been compiled.
        """
        return self._trainer.evaluate(x, y, n_steps, stateful, spiking, **kwargs)

    @_while_open
    def train_on_batch(
        self,
        x: Any = None,
        y: Any = None,
        n_steps: int | None = None,
        stateful: bool = False,
        **kwargs: Any,
    ) -> dict[str, float]:
        """Train with a single minibatch, once.

        Parameters
        ----------
        x, y, n_steps
            Arrays as for `fit`, of at most ``minibatch_size`` samples.
        stateful : bool
            Whether the state at the end is kept.
        **kwargs
            ``sample_weight`` and ``class_weight``, as for `fit`.

        Returns
        -------
        results : dict of {str: float}
            The losses and metrics of this minibatch before it changed the parameters,
            by the names that `evaluate` gives them.

        Raises
        ------
        nengo.exceptions.ValidationError
            If the data does not fit the network or the minibatch, or the network has
            not been compiled.
        nengo.exceptions.SimulationError
            If the network sets ``inference_only``.
        """
        return self._trainer.train_on_batch(x, y, n_steps, stateful, **kwargs)

    @_while_open
    def test_on_batch(
        self,
        x: Any = None,
        y: Any = None,
        n_steps: int | None = None,
        stateful: bool = False,
        spiking: bool = True,
        **kwargs: Any,
    ) -> dict[str, float]:
        """Compute the loss and the metrics of a single minibatch.

        Parameters
        ----------
        x, y, n_steps
            Arrays as for `fit`, of at most ``minibatch_size`` samples.
        stateful : bool
            Whether the state at the end is kept.
        spiking : bool
            As for `evaluate`.
        **kwargs
            ``sample_weight``, as for `fit`.

        Returns
        -------
        results : dict of {str: float}
            As of `evaluate`.

        Raises
        ------
        nengo.exceptions.ValidationError
            If the data does not fit the network or the minibatch, or the network has
            not been compiled.
        """
        return self._trainer.test_on_batch(x, y, n_steps, stateful, spiking, **kwargs)

    @_while_open
    def freeze_params(self, objs: Any) -> None:
        """Store the present parameters in the definition of the network.

        The network then gives the same output in any Nengo simulator, and can be
        pickled and loaded where Nengo alone is installed. Its structure may change a
        little: where decoders have been combined with a transform, the connection gets
        both as decoders, and a function that only tells their number. Weights of Keras
        layers are stored in the layers, which only our simulator can run.

        Parameters
        ----------
        objs : nengo.Network or nengo.Ensemble or nengo.Connection or TensorNode or list
            What to store parameters in; networks stand for everything in them.

        Raises
        ------
        nengo.exceptions.ValidationError
            If an object is not in the simulated network, or the items of the minibatch
            have learned different parameters, or a neuron has got encoders in training
            that its gain, zero, cannot express; then nothing changes.
        """
        freeze(self.data, self._layer.held.layer_weights.own, objs)

    @_while_open
    def get_nengo_params(self, nengo_objs: Any, as_dict: bool = False) -> Any:
        """Give the present parameters as arguments that make objects of a network.

        Parameters
        ----------
        nengo_objs : nengo.Ensemble or nengo.Connection or list
            Objects of the simulated network.
        as_dict : bool
            Whether a list of objects gives a dictionary by their labels, which must be
            unique.

        Returns
        -------
        params : dict or list of dict or dict of {str: dict}
            For each object the arguments of `nengo.Ensemble` or `nengo.Connection`
            that have to do with what is trained. All others, such as neuron types and
            synapses, are to be given beside them.

        Raises
        ------
        nengo.exceptions.ValidationError
            As for `freeze_params`; or if labels are not unique.

        Examples
        --------
        >>> import nengo, nengo_dl_core
        >>> with nengo.Network() as net:
        ...     a, b = nengo.Ensemble(10, 1), nengo.Ensemble(10, 1)
        ...     connection = nengo.Connection(a, b)
        >>> with nengo_dl_core.Simulator(net, progress_bar=False) as sim:
        ...     first, second, between = sim.get_nengo_params([a, b, connection])
        >>> with nengo.Network() as other:
        ...     c, d = nengo.Ensemble(10, 1, **first), nengo.Ensemble(10, 1, **second)
        ...     _ = nengo.Connection(c, d, **between)
        """
        if not isinstance(nengo_objs, (list, tuple)):
            (params,) = self.get_nengo_params([nengo_objs])
            return params
        if as_dict:
            return named_params(self.data, nengo_objs)
        return [nengo_params(self.data, obj) for obj in nengo_objs]

    @_while_open
    def check_gradients(
        self,
        inputs: Any = None,
        outputs: Sequence[nengo.Probe] | None = None,
        atol: float = 1e-5,
        rtol: float = 1e-3,
    ) -> None:
        """Compare the gradients of probes with finite differences.

        It is done in training mode, with a copy of the simulation in double precision
        that has the present parameters and state, by all inputs and all parameters
        that are trained.

        Parameters
        ----------
        inputs : dict or list or ndarray, optional
            Values of input Nodes, in the forms that `run_steps` accepts. By default,
            and for Nodes that are not mentioned, zeros.
        outputs : list of nengo.Probe, optional
            The probes; by default all.
        atol, rtol : float
            Absolute error, and error relative to the finite difference, that is
            allowed.

        Raises
        ------
        nengo.exceptions.ValidationError
            If the data does not fit the network.
        nengo.exceptions.SimulationError
            If a gradient differs by more; names the probe and the parameter.
        """
        probes = self.model.probes if outputs is None else outputs
        check_gradients(self._layer, inputs, probes, atol, rtol)

    @_while_open
    def save_params(
        self,
        path: str,
        include_state: bool = False,
    ) -> None:
        """Save the parameters of the network to a file.

        Parameters
        ----------
        path : str
            The file; ``.npz`` is appended if it is missing. An old one is replaced as a
            whole, or not at all.
        include_state : bool
            Whether to save the state of the simulation too.
        """
        save_parameters(self._session, path, include_state)

    @_while_open
    def load_params(
        self,
        path: str,
        include_state: bool = False,
    ) -> None:
        """Load parameters from a file that `save_params` has written.

        The network must have the structure of the one that was saved. It may have other
        seeds, neuron types, synapses, Probes, settings and scales of firing rates, and
        the simulator another minibatch size.

        Parameters
        ----------
        path : str
            The file; ``.npz`` may be missing. Nothing in it is executed. Of files of
            NengoDL 3, those are loaded whose parameters have different shapes.
        include_state : bool
            Whether to load the state of the simulation too.

        Raises
        ------
        nengo.exceptions.ValidationError
            If the file is damaged, or a parameter does not fit; then nothing changes.

        Warns
        -----
        UserWarning
            If the network has a Probe of neurons without seed that the saved one had
            not, whose decoders are not in the file.
        """
        load_parameters(self._session, path, include_state)

    def trange(self, sample_every: float | None = None) -> Array:
        """Simulation times of what the probes have recorded.

        Parameters
        ----------
        sample_every : float, optional
            Sampling period of the probe, in seconds; by default every step.

        Returns
        -------
        times : ndarray
            Times in seconds, beginning with ``dt`` rather than zero.
        """
        period = 1 if sample_every is None else sample_every / self.dt
        steps = np.arange(1, self.n_steps + 1)
        return np.asarray(self.dt * steps[steps % period < 1])

    def get_name(self, obj: nengo.Node | nengo.Probe) -> str:
        """The name by which Keras knows an input Node or a Probe.

        Parameters
        ----------
        obj : nengo.Node or nengo.Probe
            Input Node or Probe of the network.

        Returns
        -------
        name : str
            Its label, or ``"node"`` or ``"probe"``, with a number if it is not unique.

        Raises
        ------
        nengo.exceptions.ValidationError
            If the object is no input Node or Probe of the network.
        """
        names = {**self._program.input_names, **self._program.probe_names}
        return names[look_up(obj, names, "input Node or Probe", "obj")]

    def diagnose(self) -> Diagnosis:
        """Report what keeps the model from being compiled, and how long building took.

        Returns
        -------
        diagnosis : Diagnosis
            Can be printed. Tracing and compilation are part of it after the first run.
        """
        return Diagnosis(
            self._runner.jit_compile,
            self._program.not_compilable(),
            self._runner.steps_in_numpy,
            dict(self._stages.seconds),
        )

    def close(self) -> None:
        """Free TensorFlow's memory. Data and parameters can still be read."""
        if not self.closed:
            self._last_step, self._seed = self.n_steps, self.seed
            self.signals = self._values.snapshot()
            self.closed = True
            del self._layer, self._runner, self._trainer, self._values
            del self._session, self._program

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled or copied: all but what `compile` has prepared."""
        if self.closed:
            return {"closed": self.__dict__}
        return {
            "arguments": {
                "seed": self.seed,
                "model": self.model,
                "device": self.device,
                "unroll_simulation": self.unroll_simulation,
                "minibatch_size": self.minibatch_size,
                "progress_bar": self.progress_bar,
                "optimize": self.optimize,
            },
            "weights": self._layer.get_weights(),
            "state": self.state(),
            "probes": {
                probe: np.array(data.values) for probe, data in self.probe_data.items()
            },
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "closed" in state:
            self.__dict__.update(state["closed"])
            return
        self.__init__(None, **state["arguments"])  # type: ignore[misc]
        self._layer.set_weights(state["weights"])
        self.restore(state["state"])
        for probe, values in state["probes"].items():
            self.probe_data[probe].append(values)

    def __enter__(self) -> Simulator:
        if self.closed:
            raise SimulatorClosed(
                "Simulator cannot be entered again: the simulator is closed"
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "closed", True):
            warnings.warn(
                f"Simulator with model={self.model} was deallocated while open: close "
                "simulators, or use them as context managers",
                ResourceWarning,
                stacklevel=2,
            )
