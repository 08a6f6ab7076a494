"""The benchmark networks, one in each module."""

from nengo_dl_benchmarks.networks.basal_ganglia import basal_ganglia
from nengo_dl_benchmarks.networks.cconv import cconv
from nengo_dl_benchmarks.networks.chain import chain
from nengo_dl_benchmarks.networks.convolution import convolution
from nengo_dl_benchmarks.networks.feedback import feedback
from nengo_dl_benchmarks.networks.integrator import integrator
from nengo_dl_benchmarks.networks.legendre_memory import legendre_memory
from nengo_dl_benchmarks.networks.lmu import lmu
from nengo_dl_benchmarks.networks.mixed_sizes import mixed_sizes
from nengo_dl_benchmarks.networks.mnist import mnist
from nengo_dl_benchmarks.networks.pes import pes
from nengo_dl_benchmarks.networks.python_node import python_node
from nengo_dl_benchmarks.networks.random_network import random_network
from nengo_dl_benchmarks.networks.ring import ring
from nengo_dl_benchmarks.networks.spaun import spaun
from nengo_dl_benchmarks.networks.spiking_convolution import spiking_convolution
from nengo_dl_benchmarks.networks.spiking_layer import spiking_layer

__all__ = [
    "basal_ganglia",
    "cconv",
    "chain",
    "convolution",
    "feedback",
    "integrator",
    "legendre_memory",
    "lmu",
    "mixed_sizes",
    "mnist",
    "pes",
    "python_node",
    "random_network",
    "ring",
    "spaun",
    "spiking_convolution",
    "spiking_layer",
]
