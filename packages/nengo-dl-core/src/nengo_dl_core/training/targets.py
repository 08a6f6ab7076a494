"""What the outputs of samples should be, and how much each of them counts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from nengo.exceptions import ValidationError

from nengo_dl_core.program.program import Program
from nengo_dl_core.training.data_arguments import by_object, check_shapes
from nengo_dl_core.training.samples import Samples

Array = npt.NDArray[Any]


def with_targets(
    program: Program,
    samples: Samples,
    y: Any,
    trained: Mapping[Any, str],
    sample_weight: Any,
    class_weight: Mapping[int, float] | None,
    of_classes: Collection[str],
) -> Samples:
    """Add targets and weights to inputs.

    Parameters
    ----------
    program : Program
        What is simulated.
    samples : Samples
        The inputs.
    y : dict or list or ndarray
        See `Simulator.fit`.
    trained : dict of {nengo.Probe: str}
        The Probes that need targets, and their names.
    sample_weight : dict or ndarray or None
        See `Simulator.fit`; as dictionary by name.
    class_weight : dict of {int: float} or None
        Weights of classes.
    of_classes : collection of str
        Names of the Probes whose targets may be numbers of classes.

    Returns
    -------
    samples : Samples
        Inputs, targets and weights.

    Raises
    ------
    nengo.exceptions.ValidationError
        If the targets or weights do not fit the network or the inputs.
    """
    every = program.probe_names if isinstance(y, Mapping) else trained
    targets = by_object(y, every, "Probe")
    check_shapes(targets, every, samples.n_samples, None, of_classes)
    if set(targets) != set(trained):
        raise ValidationError(
            f"targets are needed for the probes {list(trained.values())}, which "
            "the loss and metrics are about, but are given for "
            f"{[every[probe] for probe in targets]}",
            attr="y",
        )
    for probe, target in targets.items():
        steps = samples.n_steps if program.keeps_history(probe) else 1
        if target.shape[1] > steps:
            raise ValidationError(
                f"the targets for {trained[probe]!r} have {target.shape[1]} steps, "
                f"but the probe gives only {steps}",
                attr="y",
            )
    samples = replace(
        samples, targets={trained[probe]: target for probe, target in targets.items()}
    )
    if sample_weight is not None:
        samples = replace(samples, weights=_weights(samples, sample_weight))
    if class_weight is not None:
        samples = replace(samples, weights=_with_classes(samples, class_weight))
    return samples


def _weights(samples: Samples, sample_weight: Any) -> dict[str, Array]:
    """The weights of samples, or of their steps, by name."""
    if not isinstance(sample_weight, Mapping):
        sample_weight = dict.fromkeys(samples.targets, sample_weight)
    n_samples, weights = samples.n_samples, {}
    for name, target in samples.targets.items():
        weight = np.asarray(sample_weight.get(name, np.ones(n_samples)), np.float32)
        weight = weight[:, None] if weight.ndim == 1 else weight
        if weight.shape not in ((n_samples, 1), target.shape[:2]):
            raise ValidationError(
                f"must have shape ({n_samples},), ({n_samples}, 1) or "
                f"{target.shape[:2]}, not {np.shape(sample_weight[name])}",
                attr="sample_weight",
            )
        weights[name] = weight
    return weights


def _with_classes(
    samples: Samples, class_weight: Mapping[int, float]
) -> dict[str, Array]:
    """Weights of samples times those of the classes that their targets are."""
    if len(samples.targets) > 1:
        raise ValidationError(
            "Keras defines class weights for a single output; use sample_weight",
            attr="class_weight",
        )
    ((name, target),) = samples.targets.items()
    one_hot = target.shape[-1] > 1
    classes = target.argmax(-1) if one_hot else np.rint(target[..., 0]).astype(int)
    by_class = [class_weight.get(int(x), 1.0) for x in classes.ravel()]
    return {
        name: np.reshape(by_class, classes.shape).astype(np.float32)
        * samples.weights.get(name, 1)
    }
