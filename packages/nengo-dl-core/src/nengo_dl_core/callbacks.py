"""Callbacks for `Simulator.fit`, `evaluate` and `predict`, beside those of Keras."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

import keras
import nengo
import numpy as np
import tensorflow as tf
from nengo.exceptions import ValidationError

from nengo_dl_core.network.names import free_name


def _require_tensorboard(name: str) -> None:
    if find_spec("tensorboard") is None:
        raise ModuleNotFoundError(
            f"{name} needs TensorBoard: pip install nengo-dl-core[tensorboard]"
        )


class NengoSummaries(keras.callbacks.Callback):
    """Logs parameters of Nengo objects as histograms, to be shown in TensorBoard.

    They are logged before training, as step 0, and after every epoch.

    Parameters
    ----------
    log_dir : str
        Folder that the log file is written to.
    sim : Simulator
        The simulator that is trained.
    objects : list of nengo.Ensemble or nengo.ensemble.Neurons or nengo.Connection
        What to log: the encoders of an ensemble, the biases of neurons, the weights of
        a connection.

    Raises
    ------
    nengo.exceptions.ValidationError
        If an object is of another type, or has no such parameter.
    ModuleNotFoundError
        If TensorBoard is not installed.
    """

    def __init__(self, log_dir: str, sim: Any, objects: Iterable[Any]) -> None:
        super().__init__()
        _require_tensorboard("NengoSummaries")
        self.log_dir = str(log_dir)
        self.sim = sim
        self._logged = _tags(sim, objects)
        self._writer: Any = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Log the parameters before training; see `keras.callbacks.Callback`."""
        self._writer = tf.summary.create_file_writer(self.log_dir)
        self._write(0)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Log the parameters after an epoch; see `keras.callbacks.Callback`."""
        self._write(epoch + 1)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Close the file; see `keras.callbacks.Callback`."""
        self._writer.close()

    def _write(self, step: int) -> None:
        params = self.sim.data.get_params(*self._logged.values())
        with self._writer.as_default():
            for tag, value in zip(self._logged, params, strict=True):
                is_sparse = not isinstance(value, np.ndarray)
                entries = value.data if is_sparse else value
                tf.summary.histogram(tag, entries, step=step)
        self._writer.flush()


_ATTRIBUTES = {
    nengo.Ensemble: "encoders",
    nengo.ensemble.Neurons: "bias",
    nengo.Connection: "weights",
}


def _tags(sim: Any, objects: Iterable[Any]) -> dict[str, tuple[Any, str]]:
    """What to log under which tag: objects, and names of their parameters."""
    tags: dict[str, tuple[Any, str]] = {}
    for obj in objects:
        attribute = _ATTRIBUTES.get(type(obj))
        if attribute is None:
            raise ValidationError(
                f"Ensembles, Neurons and Connections have parameters, not {obj!r}",
                attr="objects",
            )
        if sim.model.sig[obj].get(attribute) is None:
            raise ValidationError(f"{obj!r} has no {attribute}", attr="objects")
        owner = obj.ensemble if isinstance(obj, nengo.ensemble.Neurons) else obj
        label = "" if owner.label is None else f"_{owner.label}"
        tag = f"{type(obj).__name__}{label}_{attribute}"
        tags[free_name(tag, tags)] = owner, attribute
    return tags


class TensorBoard(keras.callbacks.TensorBoard):
    """Keras' TensorBoard callback, which here profiles `Simulator.predict` too.

    Parameters
    ----------
    *args, **kwargs
        As for `keras.callbacks.TensorBoard`; ``profile_batch`` also counts the batches
        of a prediction.

    Raises
    ------
    ModuleNotFoundError
        If TensorBoard is not installed.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _require_tensorboard("TensorBoard")
        super().__init__(*args, **kwargs)

    def on_predict_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begin as training does; see `keras.callbacks.Callback`."""
        # What Keras writes besides the profile is about training
        self._should_write_train_graph = False
        self.on_train_begin(logs)

    def on_predict_batch_begin(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Start the profiler at its batch; see `keras.callbacks.Callback`."""
        self.on_train_batch_begin(batch, logs)

    def on_predict_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Stop the profiler after its batch; see `keras.callbacks.Callback`."""
        self.on_train_batch_end(batch, None)  # not the outputs as scalars

    def on_predict_end(self, logs: dict[str, Any] | None = None) -> None:
        """Close the files; see `keras.callbacks.Callback`."""
        self.on_train_end(logs)


class IsolateState(keras.callbacks.Callback):
    """Lets every batch begin in the same state, and returns to it at the end.

    That state is the one of the simulation when the callback is made. So training or
    evaluation does not disturb a simulation that goes on, even with ``stateful=True``.

    Parameters
    ----------
    sim : Simulator
        The simulator whose state is kept.
    """

    def __init__(self, sim: Any) -> None:
        super().__init__()
        self.sim = sim
        self._state = sim.state()

    def _restore(self, *_: Any, **__: Any) -> None:
        self.sim.restore(self._state)

    on_train_batch_begin = on_test_batch_begin = on_predict_batch_begin = _restore
    on_train_end = on_test_end = on_predict_end = _restore
