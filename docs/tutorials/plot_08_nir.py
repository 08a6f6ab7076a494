"""
NIR, in and out
===============

You have a spiking network from another framework, in a ``.nir`` file. Here is how it is
run, looked into, trained further and written again; and how a network of Nengo gets
into such a file.

The file is one that was published with the paper on NIR (Pedersen et al., 2024): a
recurrent network of 45 neurons that reads Braille letters, trained with snnTorch. It is
among the files that the converter is tested with.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import nengo
import nir
import numpy as np

import nengo_dl
from nengo_dl_converter import from_nir, to_nir

here = Path.cwd().resolve()  # somewhere in a checkout of the repository
root = next(p for p in (here, *here.parents) if (p / "packages").is_dir())
data = root / "packages/nengo-dl-converter/tests/nir_data"
imported = from_nir(
    data / "braille_noDelay_bias_zero.nir", dt=1e-4, discretization="euler"
)
for name, shape in imported.shapes.items():
    print(f"{name:12} {shape}")
print("carry the value of the step before:", imported.delayed)

# %%
# Run it
# ------
# ``inputs``, ``outputs`` and ``layers`` find Nengo objects by the names in the file.
# What is in ``layers`` can be probed as any Nengo object. The recordings that the
# network was trained with are not at hand, so that it sees random spikes here.

rng = np.random.default_rng(0)
spikes = 1.0 * (rng.uniform(size=(8, 256, 12)) < 0.2)
with imported.net:
    nengo_dl.configure_settings(dtype="float64")
    hidden = nengo.Probe(imported.layers["lif1.lif"])
node, output = imported.inputs["input"], imported.outputs["output"]
with nengo_dl.Simulator(
    imported.net, dt=imported.dt, minibatch_size=8, progress_bar=False
) as sim:
    sim.run_steps(256, data={node: spikes})
    raster = np.array(sim.data[hidden][0])
    before = sim.data[output].sum(axis=1)

figure, axes = plt.subplots(layout="constrained")
axes.eventplot([1e3 * imported.dt * np.flatnonzero(column) for column in raster.T])
axes.set(xlabel="time (ms)", ylabel="hidden neuron")

# %%
# Check it
# --------
# Whether a network spikes as it did elsewhere is easily checked where somebody has
# published spikes. Those of a single neuron, from Norse, are beside its file: in each
# step its input, its voltage and its spikes.

published = np.loadtxt(data / "lif_norse.csv", delimiter=",")
neuron = from_nir(data / "lif_norse.nir", dt=1e-4, discretization="euler")
with nengo_dl.Simulator(neuron.net, dt=neuron.dt, progress_bar=False) as sim:
    sim.run_steps(len(published), data={neuron.inputs["input"]: published[None, :, :1]})
    found = np.array(sim.data[neuron.outputs["output"]]).ravel()
print("it spikes in the steps", np.flatnonzero(found))
assert (found == published[:, 2]).all()

# %%
# Train it further
# ----------------
# Weights and biases are trained, through spikes, with a surrogate gradient. Here all
# eight inputs are to be read as the second of the seven letters: its neuron is to spike
# in half of the steps, the others are to be silent.

target = np.zeros((8, 256, 7))
target[..., 1] = 0.5
with nengo_dl.Simulator(
    imported.net, dt=imported.dt, minibatch_size=8, progress_bar=False
) as sim:
    sim.compile(optimizer="adam", loss={output: "mse"})
    sim.fit({node: spikes}, {output: target}, epochs=40, verbose=0)
    after = sim.predict({node: spikes}, verbose=0)[output].sum(axis=1)
    sim.freeze_params(imported.net)
print("mean number of spikes of each letter:")
print("before", before.mean(axis=0))
print("after ", after.mean(axis=0))

# %%
# Write it
# --------
# ``freeze_params`` has stored the new weights in the network, which is now written as
# it was read, for whatever reads NIR.

graph = to_nir(imported.net)
with TemporaryDirectory() as folder:
    nir.write(f"{folder}/trained.nir", graph)
    again = from_nir(f"{folder}/trained.nir", dt=1e-4, discretization="euler")
with again.net:
    nengo_dl.configure_settings(dtype="float64")
with nengo_dl.Simulator(
    again.net, dt=again.dt, minibatch_size=8, progress_bar=False
) as sim:
    sim.run_steps(256, data={again.inputs["input"]: spikes})
    assert (sim.data[again.outputs["output"]].sum(axis=1) == after).all()

# %%
# Run it elsewhere
# ----------------
# Where Norse is installed, it runs the trained network, with as many spikes. The guide
# says :doc:`what to mind with which framework </guide/nir>`.

try:
    import norse.torch
    import torch
except ImportError:
    print("Norse is not installed")
else:
    module = norse.torch.from_nir(to_nir(imported.net, dtype="float32"), dt=1e-4)
    state, counts = None, 0
    with torch.no_grad():
        for step in range(256):
            x = torch.as_tensor(spikes[:, step], dtype=torch.float32)
            y, state = module(x, state)
            counts = counts + y.numpy()
    print("spikes in Norse", counts.sum(), "and here", after.sum())

# %%
# Write a network of Nengo
# ------------------------
# An ensemble becomes an Affine (encoders, gains and biases) and LIF neurons, and the
# decoded connection a Linear, a leaky integrator and a Delay for its synapse. The last
# five nodes give a pulse in the first step, since Nengo's neurons begin with voltages
# that are drawn at random, and those of NIR with 0.

with nengo.Network(seed=0) as net:
    stimulus = nengo.Node([0.0], label="stimulus")
    ensemble = nengo.Ensemble(
        50, 1, neuron_type=nengo.LIF(tau_ref=0, min_voltage=-np.inf), label="ensemble"
    )
    nengo.Connection(stimulus, ensemble, synapse=None)
    nengo.Probe(ensemble, synapse=0.02, label="decoded")
for name, nir_node in to_nir(net, dt=0.001).nodes.items():
    print(f"{name:34} {type(nir_node).__name__}")

plt.show()
