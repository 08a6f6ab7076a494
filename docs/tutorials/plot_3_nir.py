"""
From NIR
========

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

root = next(p for p in Path.cwd().resolve().parents if (p / "packages").is_dir())
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
# Train it further
# ----------------
# Weights and biases are trained, through spikes, with a surrogate gradient. Here all
# eight inputs are to be read as the last of the seven letters.

target = np.zeros((8, 256, 7))
target[..., -1] = 0.2
with nengo_dl.Simulator(
    imported.net, dt=imported.dt, minibatch_size=8, progress_bar=False
) as sim:
    sim.compile(optimizer="adam", loss={output: "mse"})
    history = sim.fit({node: spikes}, {output: target}, epochs=20, verbose=0)
    after = sim.predict({node: spikes}, verbose=0)[output].sum(axis=1)
    sim.freeze_params(imported.net)
print("spikes of the last letter:", before[:, -1].mean(), "->", after[:, -1].mean())

# %%
# Write it
# --------
# It is written as it was read, with its new weights, for whatever reads NIR. Norse or
# snnTorch would run it by ``norse.torch.from_nir`` or ``snntorch.import_nir``.

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
# Write a network of Nengo
# ------------------------
# An ensemble becomes an Affine (encoders, gains and biases) and LIF neurons, and the
# decoded connection a Linear and leaky integrators for its synapse.

with nengo.Network(seed=0) as net:
    stimulus = nengo.Node([0.0], label="stimulus")
    ensemble = nengo.Ensemble(
        50, 1, neuron_type=nengo.LIF(tau_ref=0, min_voltage=-np.inf), label="ensemble"
    )
    nengo.Connection(stimulus, ensemble, synapse=None)
    nengo.Probe(ensemble, synapse=0.02, label="decoded")
for name, nir_node in to_nir(net, dt=0.001).nodes.items():
    print(f"{name:28} {type(nir_node).__name__}")

plt.show()
