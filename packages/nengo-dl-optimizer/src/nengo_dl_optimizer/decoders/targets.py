"""What a connection decodes."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from nengo import Connection
from nengo.builder.connection import get_targets
from nengo.exceptions import BuildError
from nengo.rc import rc

from .columns import on_columns
from .factors import Array


def targets_at(connection: Connection, points: Array) -> Array:
    """Return the values of a connection's function, as Nengo's function does.

    The function is called for all points at once if that certainly means the same (see
    `on_columns`), and else for one point after another.

    Parameters
    ----------
    connection : nengo.Connection
        The connection, which leaves an ensemble.
    points : ndarray
        Evaluation points, ``(n_eval_points, dimensions)``.

    Returns
    -------
    targets : ndarray
        The values, ``(n_eval_points, size_mid)``.

    Raises
    ------
    nengo.exceptions.BuildError
        If the function returns None.
    """
    function = connection.function
    if not callable(function):
        return get_targets(connection, points, dtype=rc.float_dtype)
    targets = np.zeros((len(points), connection.size_mid), dtype=rc.float_dtype)
    points = points[:, connection.pre_slice]
    evaluate = on_columns(function)
    if evaluate is not None:
        columns = points.T.view()
        columns.flags.writeable = False
        with suppress(Exception):  # what is wrong is found out point by point
            targets[...] = evaluate(columns).T
            return targets
    for target, point in zip(targets, points, strict=True):
        value = function(point)
        if value is None:
            raise BuildError(f"Building {connection}: its function returned None")
        target[...] = np.hstack(value) if isinstance(value, (list, tuple)) else value
    return targets
