"""The benchmark networks by name, at the sizes that they are usually run at."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

import nengo

from nengo_dl_benchmarks import networks

# The module of each neuron type, which is imported when a network is built with it.
NEURON_TYPES = {
    name: module
    for module, names in {
        "nengo": (
            "LIF",
            "LIFRate",
            "AdaptiveLIF",
            "AdaptiveLIFRate",
            "Direct",
            "Izhikevich",
            "RectifiedLinear",
            "SpikingRectifiedLinear",
            "Sigmoid",
            "Tanh",
        ),
        "nengo_dl_core": ("SoftLIFRate", "LeakyReLU", "SpikingLeakyReLU"),
    }.items()
    for name in names
}


@dataclass(frozen=True)
class Benchmark:
    """A benchmark network of some size.

    Parameters
    ----------
    function : callable
        Builds the network.
    size : dict
        Arguments of the function, a neuron type by its name: plain values, which can
        be written to a file and given to another process.
    given : str, optional
        What has been given for a network of the user's own, ``module:function``.
    """

    function: Callable[..., nengo.Network]
    size: Mapping[str, Any] = field(default_factory=dict)
    given: str = ""

    @property
    def name(self) -> str:
        """Name by which `find` gives the network."""
        return self.given or self.function.__name__

    def __str__(self) -> str:
        size = ", ".join(f"{name}={value}" for name, value in self.size.items())
        return f"{self.name}({size})"

    def at(self, **size: Any) -> Benchmark:
        """Choose another size.

        Parameters
        ----------
        **size
            Arguments of the function, in place of the present ones.

        Returns
        -------
        benchmark : Benchmark
            The same network at the chosen size.

        Raises
        ------
        ValueError
            If the function has no such argument, or there is no such neuron type.
        """
        known = inspect.signature(self.function).parameters
        for argument in size:
            if argument not in known:
                raise ValueError(
                    f"{self.name} has no argument {argument!r}; "
                    f"it has {', '.join(known) or 'none'}"
                )
        neuron_type = size.get("neuron_type", "LIF")
        if neuron_type not in NEURON_TYPES:
            raise ValueError(
                f"there is no neuron type {neuron_type!r}; "
                f"there are {', '.join(NEURON_TYPES)}"
            )
        return replace(self, size={**self.size, **size})

    def build(self) -> nengo.Network:
        """Build the network.

        Returns
        -------
        net : nengo.Network
            The network at the chosen size.

        Raises
        ------
        TypeError
            If the function returns something else.
        """
        arguments = dict(self.size)
        if "neuron_type" in arguments:
            name = arguments["neuron_type"]
            neuron_type = getattr(import_module(NEURON_TYPES[name]), name)
            arguments["neuron_type"] = neuron_type()
        net = self.function(**arguments)
        if not isinstance(net, nengo.Network):
            raise TypeError(f"{self} is no nengo.Network: {net!r}")
        return net


def _of_neurons(function: Callable[..., nengo.Network], **size: int) -> Benchmark:
    return Benchmark(function, {**size, "neuron_type": "LIF"})


BENCHMARKS = {
    benchmark.name: benchmark
    for benchmark in (
        _of_neurons(networks.basal_ganglia, dimensions=32, neurons_per_d=100),
        _of_neurons(networks.cconv, dimensions=128, neurons_per_d=256),
        _of_neurons(networks.chain, n_ensembles=20, n_neurons=100),
        _of_neurons(networks.convolution, image_size=28, n_filters=16),
        _of_neurons(networks.feedback, n_neurons=50),
        _of_neurons(networks.integrator, dimensions=128, neurons_per_d=32),
        Benchmark(
            networks.legendre_memory,
            {
                "theta": 784,
                "order": 256,
                "units": 212,
                "outputs": 10,
                "recurrent": True,
            },
        ),
        Benchmark(networks.lmu, {"theta": 1000, "input_d": 1}),
        _of_neurons(networks.mixed_sizes, n_ensembles=200, n_neurons=50),
        Benchmark(networks.mnist, {"use_tensor_layer": True}),
        _of_neurons(networks.pes, dimensions=64, neurons_per_d=32),
        _of_neurons(networks.python_node, n_neurons=100),
        _of_neurons(
            networks.random_network,
            dimensions=32,
            neurons_per_d=32,
            n_ensembles=20,
            connections_per_ensemble=5,
        ),
        _of_neurons(networks.ring, n_ensembles=1, n_neurons=1000),
        Benchmark(networks.spaun, {"dimensions": 512}),
        Benchmark(networks.spiking_convolution, {"image_size": 28, "n_filters": 16}),
        Benchmark(networks.spiking_layer, {"n_neurons": 256, "recurrent": False}),
    )
}


def find(name: str) -> Benchmark:
    """Find a network by its name.

    Parameters
    ----------
    name : str
        One of ``BENCHMARKS``, or ``module:function``: a function of the user's own that
        returns a network, in a module of the present folder or one that is installed.

    Returns
    -------
    benchmark : Benchmark
        The network, at its usual size.

    Raises
    ------
    ValueError
        If the text is neither, the module cannot be imported, or it has no such
        function.
    """
    if name in BENCHMARKS:
        return BENCHMARKS[name]
    module_name, _, function_name = name.partition(":")
    if not (module_name and function_name):
        raise ValueError(f"{name!r} is not of the form module:function")
    if (here := os.getcwd()) not in sys.path:  # as `python -m` does
        sys.path.insert(0, here)
    try:
        module = import_module(module_name)
    except Exception as error:
        raise ValueError(
            f"{name!r}: module {module_name!r} cannot be imported, from {here} or what "
            f"is installed: {type(error).__name__}: {error}"
        ) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise ValueError(f"{name!r}: {module_name!r} has no function {function_name!r}")
    return Benchmark(function, given=name)
