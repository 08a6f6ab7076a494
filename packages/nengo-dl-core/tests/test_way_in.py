"""The way in: a backend of Nengo, found by its entry point."""

from importlib.metadata import entry_points

import nengo
import numpy as np

from nengo_dl_core import configure_settings


def test_backend_steps_with_live_probes():
    """As a graphical interface does it: a step, then the last values, and again."""
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64")
        stimulus = nengo.Node(np.sin)
        ensemble = nengo.Ensemble(10, 2)
        nengo.Connection(stimulus, ensemble[0])
        probe = nengo.Probe(ensemble, synapse=0.01)

    points = entry_points(group="nengo.backends")
    ours, reference = (
        points[name].load()(net, progress_bar=False) for name in ("dl", "reference")
    )
    with ours, reference:
        for step in range(1, 21):
            ours.step()
            reference.step()
            assert ours.n_steps == step
            assert len(ours.data[probe]) == step
            np.testing.assert_allclose(
                ours.data[probe][-1], reference.data[probe][-1], rtol=0, atol=1e-12
            )
