"""Gives the parameters, inputs and neurons of a network as few bits as it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import nengo
import numpy as np
from nengo.builder import Model
from nengo.builder.neurons import SimNeurons
from nengo.builder.operator import Operator
from nengo.builder.signal import Signal
from nengo.connection import LearningRule
from nengo.ensemble import Neurons
from nengo.exceptions import BuildError
from nengo.synapses import Lowpass
from nengo.transforms import Convolution, Dense, NoTransform

from nengo_dl_core.network.build import NengoBuilder
from nengo_dl_core.network.firing_rate_scale import scale_of
from nengo_dl_core.network.fixed_point import FIXED_POINT
from nengo_dl_core.network.lookup import enclosed_objects, object_setting
from nengo_dl_core.quantization import (
    FixedPoint,
    Format,
    Quantization,
    WeightFormat,
)
from nengo_dl_core.synapses import Delay

_build_network = NengoBuilder.builders[nengo.Network]


class Round(Operator):
    """Round what a Node puts out.

    Parameters
    ----------
    src, dst : nengo.builder.Signal
        What is rounded, and the result.
    number_format : FixedPoint
        The numbers to round to.
    tag : str, optional
        Name, for messages.
    """

    def __init__(
        self,
        src: Signal,
        dst: Signal,
        number_format: FixedPoint,
        tag: str | None = None,
    ) -> None:
        super().__init__(tag=tag)
        self.sets, self.reads = [dst], [src]
        self.incs: list[Signal] = []
        self.updates: list[Signal] = []
        self.number_format = number_format

    @property
    def src(self) -> Signal:
        """What is rounded."""
        return self.reads[0]

    @property
    def dst(self) -> Signal:
        """The result."""
        return self.sets[0]

    def make_step(self, signals: Any, dt: float, rng: Any) -> Callable[[], None]:
        """Make the function that computes a step."""
        src, dst = signals[self.src], signals[self.dst]

        def step() -> None:
            dst[...] = self.number_format.rounded(src)

        return step


@NengoBuilder.register(nengo.Network)
def build_quantized_network(
    model: Model, network: nengo.Network, **kwargs: Any
) -> None:
    """Build a network; what is quantized gets operators of few bits.

    Parameters
    ----------
    model : nengo.builder.Model
        The model to build into.
    network : nengo.Network
        The network.
    **kwargs
        Passed on to the function that builds it otherwise.

    Raises
    ------
    nengo.exceptions.BuildError
        If an object cannot be quantized.
    """
    _build_network(model, network, **kwargs)
    if network is not model.toplevel:
        return
    quantized = list(quantized_objects(network))
    neurons = {
        model.sig[obj.neurons]["out"]: _neurons(model, obj, quantization)
        for obj, quantization in quantized
        if isinstance(obj, nengo.Ensemble)
    }
    inputs = {}
    for obj, quantization in quantized:
        if isinstance(obj, nengo.Connection):
            _check_connection(model, obj)
            if isinstance(obj.pre_obj, nengo.Node):
                inputs[model.sig[obj]["weights"]] = obj, quantization
    for op in list(model.operators) if quantized else ():
        if type(op) is SimNeurons and op.output in neurons:
            op.neurons = neurons[op.output]
        for weights in inputs.keys() & set(op.reads):
            conn, quantization = inputs[weights]
            (place,) = (i for i, x in enumerate(op.reads) if x is not weights)
            given = op.reads[place]
            number_format = FixedPoint(
                quantization.input_bits, quantization.input_fraction
            )
            op.reads[place] = Signal(shape=given.shape, name=f"{conn}.rounded")
            model.add_op(Round(given, op.reads[place], number_format, tag=str(conn)))


def quantized_objects(
    network: nengo.Network | None,
) -> Iterator[tuple[Any, Quantization]]:
    """Find what is quantized.

    Parameters
    ----------
    network : nengo.Network or None
        The top-level network, if there is one.

    Yields
    ------
    obj : nengo.Ensemble or nengo.Connection
        An object.
    quantization : Quantization
        How many bits its numbers have.
    """
    for networks, obj in enclosed_objects([network]) if network else ():
        setting = object_setting(networks, "quantization", obj)
        quantization = Quantization.of(setting)
        if quantization is not None:
            yield obj, quantization


def number_formats(model: Model) -> dict[Signal, Format]:
    """Find the parameters that are rounded.

    Parameters
    ----------
    model : nengo.builder.Model
        Built model.

    Returns
    -------
    formats : dict of {nengo.builder.Signal: WeightFormat or FixedPoint}
        The numbers that each of them is rounded to.
    """
    formats: dict[Signal, Format] = {}
    for obj, quantization in quantized_objects(model.toplevel):
        if isinstance(obj, nengo.Ensemble):
            formats[model.sig[obj.neurons]["bias"]] = quantization.currents
        elif model.sig[obj].get("weights") is not None:
            weights = model.sig[obj]["weights"]
            formats[weights] = weight_format(obj, quantization, weights.ndim)
    return formats


def quantize_model(model: Model) -> None:
    """Round the parameters of a model, as they are in a simulation.

    `Simulator` does so by itself. This is for what reads the parameters of a network,
    to write them down.

    Parameters
    ----------
    model : nengo.builder.Model
        Built model, by any builder of Nengo. Weights and biases in ``model.params``
        change where the network sets ``quantization``.

    Raises
    ------
    nengo.exceptions.BuildError
        If an object cannot be quantized.

    Examples
    --------
    >>> import nengo, nengo_dl_core
    >>> with nengo.Network() as net:
    ...     nengo_dl_core.configure_settings(quantization=4)
    ...     a, b = nengo.Node([1]), nengo.Node(size_in=2)
    ...     c = nengo.Connection(a, b, transform=[[0.3], [50]], synapse=None)
    >>> model = nengo.builder.Model()
    >>> model.build(net)
    >>> nengo_dl_core.quantize_model(model)
    >>> model.params[c].weights.ravel()
    array([ 0.3125, 48.    ])
    """
    for obj, quantization in quantized_objects(model.toplevel):
        built = model.params[obj]
        if isinstance(obj, nengo.Ensemble):
            _neurons(model, obj, quantization)
            bias = quantization.currents.rounded(built.bias)
            model.params[obj] = built._replace(bias=bias)
        else:
            _check_connection(model, obj)
            weights = weight_format(obj, quantization, np.ndim(built.weights))
            model.params[obj] = built._replace(weights=weights.rounded(built.weights))


def weight_format(
    conn: nengo.Connection, quantization: Quantization, ndim: int
) -> WeightFormat:
    """Say how the weights of a connection are rounded.

    Parameters
    ----------
    conn : nengo.Connection
        The connection.
    quantization : Quantization
        How many bits they have.
    ndim : int
        Their number of axes.

    Returns
    -------
    weight_format : WeightFormat
        With a unit for each row of a matrix, and each filter of a convolution.
    """
    axes = tuple(range(ndim))
    if quantization.per_channel and ndim:
        convolves = isinstance(conn.transform, Convolution)
        axes = axes[:-1] if convolves else axes[1:]
    return WeightFormat(quantization.bits, axes)


def _neurons(model: Model, ens: nengo.Ensemble, quantization: Quantization) -> Any:
    """Make the fixed-point form of an ensemble's neurons."""
    kind = ens.neuron_type
    if type(kind) not in FIXED_POINT:
        names = ", ".join(sorted(x.__name__ for x in FIXED_POINT))
        _refuse(ens, f"{kind} has no fixed-point form; there are {names}")
    if getattr(kind, "tau_ref", 0):
        _refuse(ens, f"neurons have a tau_ref of {kind.tau_ref} s: give tau_ref=0")
    if ens.noise is not None:
        _refuse(ens, "noise has no fixed-point form")
    if scale_of(model, ens) != 1:
        _refuse(ens, "firing_rate_scale is set for it, which has no fixed-point form")
    return FIXED_POINT[type(kind)].like(kind, quantization)


def _check_connection(model: Model, conn: nengo.Connection) -> None:
    """Raise an error if a connection cannot be quantized."""
    pre, post = conn.pre_obj, conn.post_obj
    if conn.learning_rule is not None or isinstance(post, LearningRule):
        _refuse(conn, "learning rules have no fixed-point form")
    if isinstance(pre, nengo.Ensemble) or isinstance(post, nengo.Ensemble):
        _refuse(
            conn,
            "decoders and encoders have no fixed-point form: connect the neurons, as "
            "in Connection(a.neurons, b.neurons)",
        )
    if isinstance(pre, nengo.Node) and pre.size_in:
        _refuse(conn, f"{pre} is no input: connect what it hands on")
    if isinstance(pre, Neurons) and type(pre.ensemble.neuron_type) not in FIXED_POINT:
        _refuse(conn, f"what {pre.ensemble.neuron_type} puts out is not counted")
    if not isinstance(conn.transform, (Dense, Convolution)) or isinstance(
        conn.transform, NoTransform
    ):
        _refuse(
            conn,
            f"{conn.transform} has no fixed-point form; Dense and Convolution have, "
            "such as transform=1",
        )
    synapse = conn.synapse
    is_step = isinstance(synapse, Lowpass) and synapse.tau == 0
    if not (synapse is None or is_step or type(synapse) is Delay):
        _refuse(
            conn,
            f"{synapse} has no fixed-point form: give synapse=None, 0, or "
            "nengo_dl_core.Delay",
        )
    if isinstance(post, Neurons):
        gain = model.params[post.ensemble].gain[conn.post_slice]
        if (np.frexp(gain)[0] != 0.5).any():
            _refuse(
                conn,
                f"the gains of {post.ensemble} must be powers of two, by which "
                "integers are shifted: give gain=nengo.dists.Choice([1]), with a bias",
            )


def _refuse(obj: Any, words: str) -> None:
    raise BuildError(
        f"{obj} cannot be quantized: {words}. Where it need not be, set "
        "net.config[obj].quantization = False"
    )
