"""Nengo networks to be written as NIR graphs, random ones for hypothesis."""

import nengo
import numpy as np
from hypothesis import strategies as st

SEEDS = st.integers(0, 2**31 - 1)
LIF = nengo.LIF(tau_ref=0, min_voltage=-np.inf)


def lone(neuron_type, n_neurons=5, **options):
    with nengo.Network(seed=0) as net:
        stimulus = nengo.Node([0.0], label="stimulus")
        ensemble = nengo.Ensemble(
            n_neurons, 1, neuron_type=neuron_type, label="ens", **options
        )
        nengo.Connection(stimulus, ensemble, synapse=None)
        nengo.Probe(ensemble.neurons, label="spikes")
    return net


def lif(rng):
    """Neurons without what NIR does not have."""
    return nengo.LIF(
        tau_rc=rng.uniform(0.01, 0.03),
        tau_ref=0,
        min_voltage=-np.inf,
        amplitude=rng.uniform(0.5, 2),
    )


def filters(draw, rng):
    tau = rng.uniform(0.003, 0.05)
    return draw(
        st.sampled_from(
            [
                nengo.Lowpass(tau),
                nengo.Alpha(tau),
                nengo.LinearFilter([1], [tau * tau / 3, tau * 4 / 3, 1]),
                nengo.LinearFilter([tau / 2, 1], [tau, 1]),
                nengo.Lowpass(0),
            ]
        )
    )


@st.composite
def networks(draw):
    """A network; its Nodes without input are inputs, its probes outputs."""
    rng = np.random.default_rng(draw(SEEDS))
    with nengo.Network(seed=draw(SEEDS)) as net:
        sizes = [draw(st.integers(1, 3)) for _ in range(draw(st.integers(1, 2)))]
        inputs = [
            nengo.Node(np.zeros(size), label=f"in{i}") for i, size in enumerate(sizes)
        ]
        decoded = list(inputs)  # what represents values
        spiking = []
        for i in range(draw(st.integers(1, 4))):
            size = draw(st.integers(1, 3))
            kind = draw(st.sampled_from(["ensemble", "ensemble", "neurons", "node"]))
            label = f"{draw(st.integers(0, 9))}obj{i}"
            if kind == "node":
                obj = nengo.Node(size_in=size, label=label)
                target = obj
            else:
                ensemble = nengo.Ensemble(
                    draw(st.integers(2, 8)),
                    size,
                    neuron_type=lif(rng),
                    radius=rng.uniform(0.5, 2),
                    label=label,
                )
                obj = ensemble
                target = ensemble if kind == "ensemble" else ensemble.neurons
                spiking.append(ensemble)
            for _ in range(draw(st.integers(1, 2))):
                pre = draw(st.sampled_from(decoded))
                connect(draw, rng, pre, target, synapse=draw(st.booleans()))
            if spiking and draw(st.booleans()):
                pre = draw(st.sampled_from(spiking))
                connect(draw, rng, pre.neurons, target, synapse=pre is obj)
            if kind != "node" and draw(st.booleans()):
                connect(draw, rng, obj, target, synapse=True)
            decoded.append(obj)
        if draw(st.booleans()):
            constant = nengo.Node(rng.normal(size=2), label="constant")
            connect(draw, rng, constant, decoded[-1], synapse=draw(st.booleans()))
        for obj in decoded[len(inputs) :]:
            synapse = filters(draw, rng) if draw(st.booleans()) else None
            nengo.Probe(obj, label=f"{obj.label}.values", synapse=synapse)
            if isinstance(obj, nengo.Ensemble):
                nengo.Probe(obj.neurons, label=f"{obj.label}.spikes", synapse=None)
    return net


def connect(draw, rng, pre, post, synapse):
    scale = 1e-3 if isinstance(pre, nengo.ensemble.Neurons) else 1.0
    size_out = post.size_in
    first = draw(st.integers(0, size_out - 1)) if draw(st.booleans()) else 0
    chosen = post[first:] if first else post
    size_in, size_out = pre.size_out, size_out - first
    if size_in == size_out and draw(st.booleans()):
        transform = nengo.transforms.NoTransform(size_in) if scale == 1 else scale
    elif not isinstance(pre, nengo.Ensemble) and draw(st.booleans()):
        count = max(1, size_in * size_out // 2)
        where = [divmod(k, size_in) for k in range(count)]
        values = scale * rng.normal(size=count)
        transform = nengo.Sparse((size_out, size_in), where, values)
    else:
        transform = scale * rng.normal(size=(size_out, size_in))
    nengo.Connection(
        pre,
        chosen,
        transform=transform,
        synapse=filters(draw, rng) if synapse else None,
    )
