"""The benchmark networks by name, at the sizes that they are usually run at."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import nengo

from nengo_dl_benchmarks import networks


@dataclass(frozen=True)
class Benchmark:
    """A benchmark network and the size at which it is usually run.

    Parameters
    ----------
    function : callable
        Builds the network.
    size : dict
        Arguments of ``function`` at the usual size.
    """

    function: Callable[..., nengo.Network]
    size: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the function."""
        return self.function.__name__

    def at(self, **size: Any) -> Benchmark:
        """Choose another size.

        Parameters
        ----------
        **size
            Arguments of the function, in place of the usual ones.

        Returns
        -------
        benchmark : Benchmark
            The same network at the chosen size.

        Raises
        ------
        TypeError
            If the function has no such argument.
        """
        known = inspect.signature(self.function).parameters
        for argument in size:
            if argument not in known:
                raise TypeError(
                    f"{self.name} has no argument {argument!r}; "
                    f"it has {', '.join(known)}"
                )
        return Benchmark(self.function, {**self.size, **size})

    def build(self) -> nengo.Network:
        """Build the network.

        Returns
        -------
        net : nengo.Network
            The network at the chosen size.
        """
        return self.function(**self.size)


def _usual(function: Callable[..., nengo.Network], **size: Any) -> Benchmark:
    return Benchmark(function, {**size, "neuron_type": nengo.LIF()})


BENCHMARKS = {
    benchmark.name: benchmark
    for benchmark in [
        _usual(networks.basal_ganglia, dimensions=32, neurons_per_d=100),
        _usual(networks.cconv, dimensions=128, neurons_per_d=256),
        _usual(networks.integrator, dimensions=128, neurons_per_d=32),
        _usual(networks.pes, dimensions=64, neurons_per_d=32),
        _usual(
            networks.random_network,
            dimensions=32,
            neurons_per_d=32,
            n_ensembles=20,
            connections_per_ensemble=5,
        ),
    ]
}
