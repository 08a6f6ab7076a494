"""
A Keras model in a closed loop
==============================

A pole is to be kept upright by turning its hinge. A camera looks at it; a Keras model
tells the angle from the camera's picture; spiking neurons compute the torque; and the
pole moves, which changes the next picture. The world is a Python object, the model is a
part of the network, and both take a step in each step of the simulation.
"""

import keras
import matplotlib.pyplot as plt
import nengo
import numpy as np

import nengo_dl

# %%
# The world
# ---------
# A pole on a hinge falls over as a pendulum does that stands on its head. The camera's
# picture has 16 times 16 pixels, and noise.

SIZE = 16
y, x = np.mgrid[1 : -1 : SIZE * 1j, -1 : 1 : SIZE * 1j]


def picture(angle, rng):
    """What the camera sees of a pole: an array of pixels."""
    along = x * np.sin(angle) + y * np.cos(angle)
    across = x * np.cos(angle) - y * np.sin(angle)
    pole = np.exp(-((across / 0.1) ** 2)) * (along > 0) * (along < 0.9)
    return pole + 0.1 * rng.normal(size=pole.shape)


class Pole:
    """A pole of a meter, and the camera that looks at it."""

    def __init__(self, angle):
        self.angle, self.speed = angle, 0.0
        self.rng = np.random.default_rng(0)

    def turn(self, torque, dt=0.001):
        """Turn the hinge for a millisecond, and look."""
        self.speed += dt * (9.81 * np.sin(self.angle) + torque - 0.1 * self.speed)
        self.angle += dt * self.speed
        return picture(self.angle, self.rng).ravel()


rng = np.random.default_rng(0)
figure, axes = plt.subplots(1, 4, figsize=(8, 2), layout="constrained")
for angle, ax in zip((-1, -0.3, 0.1, 0.8), axes, strict=True):
    ax.imshow(picture(angle, rng), cmap="gray_r")
    ax.set(title=f"angle {angle}", xticks=[], yticks=[])

# %%
# The model
# ---------
# It learns from pictures with known angles, by itself, before it gets into the network.

keras.utils.set_random_seed(0)
angles = rng.uniform(-1.2, 1.2, size=4000)
pictures = np.array([picture(angle, rng) for angle in angles])
model = keras.Sequential(
    [
        keras.Input((SIZE, SIZE, 1)),
        keras.layers.Conv2D(8, 3, strides=2, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(1),
    ]
)
model.compile(optimizer="adam", loss="mse")
model.fit(pictures[:-500], angles[:-500], epochs=10, verbose=0)
error = model.evaluate(pictures[-500:], angles[-500:], verbose=0) ** 0.5
print(f"the model is off by {error:.3f} radians")

# %%
# The network
# -----------
# The Node ``world`` has an input, the torque, and calls Python in each step. The
# ``TensorNode`` has the model. An ensemble represents the angle and how fast it
# changes: what the angle is now, through a fast synapse, less what it was, through a
# slow one. From that, its decoders compute a torque which drives the pole back.
#
# With a minibatch the Node is called once for each item. Which one it is it cannot
# know, so that is given as data.

starts = (-0.6, -0.2, 0.4, 0.8)
poles = [Pole(angle) for angle in starts]


def torque(x):
    """Drive the pole back to upright, and slow it down."""
    angle, speed = x
    return -30 * angle - 10 * speed


with nengo.Network(seed=0) as net:
    item = nengo.Node([0], label="item")
    world = nengo.Node(
        lambda t, x: poles[int(x[1])].turn(x[0]), size_in=2, size_out=SIZE**2
    )
    eye = nengo_dl.TensorNode(model, shape_in=(SIZE, SIZE, 1), pass_time=False)
    controller = nengo.Ensemble(300, 2, radius=1.5)
    nengo.Connection(item, world[1], synapse=None)
    nengo.Connection(world, eye, synapse=None)
    fast, slow = 0.01, 0.06
    nengo.Connection(eye, controller[0], synapse=fast)
    nengo.Connection(eye, controller[1], synapse=fast, transform=1 / (slow - fast))
    nengo.Connection(eye, controller[1], synapse=slow, transform=-1 / (slow - fast))
    nengo.Connection(controller, world[0], function=torque, synapse=0.01)
    seen = nengo.Probe(eye, synapse=0.01)
    spikes = nengo.Probe(controller.neurons)

# %%
# Four poles start at four angles, and each is pushed after 1.5 seconds.

numbers = np.tile(np.arange(4).reshape(4, 1, 1), (1, 1500, 1))
with nengo_dl.Simulator(net, minibatch_size=4, progress_bar=False) as sim:
    sim.run_steps(1500, data={item: numbers})
    for pole in poles:
        pole.speed += 1.5
    sim.run_steps(1500, data={item: numbers})
    print(sim.diagnose())
    angles = np.array(sim.data[seen])[..., 0]
    raster = np.array(sim.data[spikes])[0, :, :50]

figure, axes = plt.subplots(2, 1, sharex=True, layout="constrained")
axes[0].plot(sim.trange(), angles.T)
axes[0].set(ylabel="angle, as seen", title="four poles")
axes[1].eventplot([0.001 * np.flatnonzero(neuron) for neuron in raster.T])
axes[1].set(xlabel="time (s)", ylabel="neuron", title="spikes in the loop of the first")
print("angles in the end:", *(f"{pole.angle:.3f}" for pole in poles))

# %%
# A network that calls Python in each step is not compiled, and so slower than others
# (see :doc:`/guide/speed`). A world that is written in TensorFlow, as a ``TensorNode``,
# is compiled with the rest. The world is no part of the simulation's state, and is not
# reset with it: see :doc:`/guide/simulator`.

plt.show()
