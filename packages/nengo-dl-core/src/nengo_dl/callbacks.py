"""Callbacks for training, evaluation and prediction."""

from nengo_dl_core.callbacks import IsolateState, NengoSummaries, TensorBoard

__all__ = ["IsolateState", "NengoSummaries", "TensorBoard"]
