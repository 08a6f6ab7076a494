"""What each type of node becomes; importing this registers all of them."""

from __future__ import annotations

from typing import Any

import nengo
import numpy as np
from nengo.base import NengoObject

from nengo_dl_core import Delay

from ..indices import as_slice
from .assembly import Layer, Part, add_neurons, part
from .errors import NIRError
from .neurons import (
    IntegrateAndFire,
    Integrator,
    LeakyIntegrateAndFire,
    LeakyIntegrator,
    Threshold,
)
from .windows import Axis, axes_of, table_of

# By how much of a step a delay may differ from a number of steps, for float32.
_TOLERANCE = 1e-3


@part("Input")
def make_input(part: Part) -> Layer:
    """Make a Node that is zero until given data."""
    node = nengo.Node(np.zeros(part.size_out), label=part.name)
    return part.finished(node, node)


@part("Output", "Flatten")
def make_wire(part: Part) -> Layer:
    """Hand on what arrives."""
    node = part.fed(part.node_out())
    return part.finished(node, node)


@part("Affine", "Linear")
def make_affine(part: Part) -> Layer:
    """Multiply with a matrix, or with one for each place of the other axes."""
    weight = part.node["weight"]
    *batch, size_out, size_in = weight.shape
    source, output = part.source(), part.node_out()
    transform = weight
    if batch:
        # A convolution of size 1 in groups multiplies each group with its matrix.
        n_groups = int(np.prod(batch))
        kernel = weight.reshape(n_groups * size_out, size_in).T[None]
        transform = nengo.Convolution(
            n_groups * size_out,
            (1, n_groups * size_in),
            kernel_size=(1,),
            strides=(1,),
            init=kernel,
            groups=n_groups,
        )
    part.connect_weights("weight", source, output, transform)
    if "bias" in part.node.parameters:
        part.add_bias(output)
    return part.finished(source, output)


@part("Scale")
def make_scale(part: Part) -> Layer:
    """Multiply element by element."""
    source, output = part.source(), part.node_out()
    part.connect_weights("scale", source, output, part.per_element("scale"))
    return part.finished(source, output)


@part("Conv1d", "Conv2d")
def make_convolution(part: Part) -> Layer:
    """Convolve, with Nengo's convolution where it can, else window by window."""
    axes, shape = axes_of(part.name, part.node), part.shapes.taken
    weight, groups = part.node["weight"], part.node["groups"]
    kernel = np.moveaxis(weight, (0, 1), (-1, -2))
    source, output = part.source(), part.node_out()
    if (padding := _nengo_padding(axes)) is not None:
        transform = nengo.Convolution(
            len(weight),
            shape,
            kernel_size=kernel.shape[:-2],
            strides=tuple(axis.stride for axis in axes),
            padding=padding,
            channels_last=False,
            init=kernel,
            groups=groups,
        )
        part.connect_weights("weight", source, output, transform)
    else:
        _convolve_windows(part, axes, kernel, source, output)
    part.add_bias(output)
    return part.finished(source, output)


def _nengo_padding(axes: list[Axis]) -> str | None:
    """What Nengo calls a padding; None if it has no such convolution."""
    if any(axis.dilation > 1 for axis in axes):
        return None
    if all(axis.before == axis.after == 0 for axis in axes):
        return "valid"
    same = all(
        axis.stride == 1
        and axis.before == (axis.size - 1) // 2
        and axis.before + axis.after == axis.size - 1
        for axis in axes
    )
    return "same" if same else None


def _convolve_windows(
    part: Part, axes: list[Axis], kernel: Any, source: NengoObject, output: nengo.Node
) -> None:
    """Lay the windows out beside each other, and multiply each with the kernel."""
    groups, n_filters = part.node["groups"], kernel.shape[-1]
    table = table_of(axes, part.shapes.taken)
    n_windows, n_elements, n_channels = table.shape
    # The channels of a convolution in groups are those of one group after another.
    table = table.reshape(n_windows, n_elements, groups, -1).swapaxes(1, 2)
    windows = nengo.Node(size_in=table.size, label=f"{part.name}.windows")
    part.assembly.populations.gather(source, table, windows)
    transform = nengo.Convolution(
        n_filters,
        (n_windows, n_elements * n_channels),
        kernel_size=(1,),
        strides=(1,),
        init=kernel.reshape(1, -1, n_filters),
        groups=groups,
    )
    order = np.arange(part.size_out).reshape(n_filters, n_windows).T.ravel()
    part.connect_weights("weight", windows, output[as_slice(order)], transform)


@part("SumPool2d", "AvgPool2d")
def make_pool(part: Part) -> Layer:
    """Sum or average over windows; padding counts."""
    table = table_of(axes_of(part.name, part.node), part.shapes.taken)
    n_elements = table.shape[1]
    table = table.transpose(2, 0, 1).reshape(-1, n_elements)
    source, output = part.source(), part.node_out()
    windows = nengo.Node(size_in=table.size, label=f"{part.name}.windows")
    part.assembly.populations.gather(source, table, windows)
    averages = part.node.kind == "AvgPool2d"
    total = nengo.Convolution(
        1,
        table.shape,
        kernel_size=(1,),
        strides=(1,),
        init=np.full((1, n_elements, 1), 1 / n_elements if averages else 1.0),
    )
    part.connect(windows, output, transform=total)
    return part.finished(source, output)


@part("Delay")
def make_delay(part: Part) -> Layer:
    """Delay each element by its number of steps."""
    steps = _steps(part)
    source, output = part.source(), part.node_out()
    for places, synapse in (
        (np.flatnonzero(steps == 0), None),
        (np.flatnonzero(steps), Delay(steps[steps > 0] - 1)),
    ):
        if places.size:
            view = as_slice(places)
            part.connect(source[view], output[view], synapse=synapse)
    return part.finished(source, output)


def _steps(part: Part) -> Any:
    steps = part.per_element("delay") / part.assembly.dt
    whole = np.rint(steps)
    worst = np.argmax(np.abs(steps - whole))
    if abs(steps[worst] - whole[worst]) > _TOLERANCE:
        raise NIRError(
            f"a delay of {part.per_element('delay')[worst]} s is {steps[worst]} steps "
            f"of {part.assembly.dt} s, and must be a whole number of them",
            part.name,
        )
    return whole.astype(np.int64)


@part("Threshold")
def make_threshold(part: Part) -> Layer:
    """Make neurons that compare their input."""
    return _neurons(part, Threshold(part.assembly.dt, part.per_element("threshold")))


@part("I")
def make_integrator(part: Part) -> Layer:
    """Make neurons that integrate."""
    return _neurons(part, Integrator(part.assembly.dt, part.per_element("r")))


@part("IF")
def make_integrate_and_fire(part: Part) -> Layer:
    """Make neurons that integrate and spike."""
    return _neurons(
        part,
        IntegrateAndFire(part.assembly.dt, part.per_element("r"), **_spikes(part)),
    )


@part("LI", "CubaLI")
def make_leaky_integrator(part: Part) -> Layer:
    """Make neurons that integrate with a leak, after those of their current."""
    return _neurons(part, LeakyIntegrator(**_leaky(part)))


@part("LIF", "CubaLIF")
def make_leaky_integrate_and_fire(part: Part) -> Layer:
    """Make neurons that integrate with a leak and spike, after those of a current."""
    return _neurons(part, LeakyIntegrateAndFire(**_leaky(part), **_spikes(part)))


def _leaky(part: Part) -> dict[str, Any]:
    tau = "tau_mem" if part.node.kind.startswith("Cuba") else "tau"
    return {
        "dt": part.assembly.dt,
        "tau": part.per_element(tau),
        "r": part.per_element("r"),
        "v_leak": part.per_element("v_leak"),
        "discretization": part.assembly.discretization,
    }


def _spikes(part: Part) -> dict[str, Any]:
    return {name: part.per_element(name) for name in ("v_threshold", "v_reset")}


def _neurons(part: Part, neuron_type: Any) -> Layer:
    neurons = entry = add_neurons(part, neuron_type, part.name)
    if part.node.kind.startswith("Cuba"):
        current = LeakyIntegrator(
            part.assembly.dt,
            part.per_element("tau_syn"),
            part.per_element("w_in"),
            np.zeros(part.size_in),
            part.assembly.discretization,
        )
        entry = add_neurons(part, current, f"{part.name}.current")
        part.connect(entry, neurons)
    return part.finished(part.fed(entry), neurons)
