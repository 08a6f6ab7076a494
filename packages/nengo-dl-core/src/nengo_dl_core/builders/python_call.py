"""Calls into Python from within a simulation step.

They cannot be compiled, and TensorFlow turns an exception raised in one into an error
of its own that has lost the object. What was raised is therefore kept, for the
simulator to raise it again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from nengo_dl_core.builders.base import OpBuilder


class PythonOpBuilder(OpBuilder):
    """Base of the builders that call a Python function in every step.

    Parameters
    ----------
    ops : tuple of nengo.builder.Operator
        The operators of the group.
    """

    python_in_loop = True

    def call(
        self,
        function: Callable[..., Any],
        inputs: Sequence[tf.Tensor],
        dtypes: Sequence[str],
    ) -> list[tf.Tensor]:
        """Call a Python function on the values that tensors have in this step.

        Parameters
        ----------
        function : callable
            Receives NumPy arrays, returns a list of them.
        inputs : list of tf.Tensor
            Arguments.
        dtypes : list of str
            Types of the results.

        Returns
        -------
        results : list of tf.Tensor
            The results, of unknown shape.
        """

        def remembering(*args: Any) -> Any:
            try:
                return function(*args)
            except BaseException as error:  # an interrupt, too
                self.config.keep_error(error)
                raise

        results = tf.numpy_function(remembering, list(inputs), list(dtypes))
        # executed eagerly, it gives a single result without a list around it
        return results if isinstance(results, list) else [results]
