"""Names by which Keras refers to Nodes and Probes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Container, Sequence
from typing import Any


def accepted_name(label: str) -> str:
    """Replace what Keras and TensorFlow do not accept in names.

    Parameters
    ----------
    label : str
        Label of an object.

    Returns
    -------
    name : str
        The label, with ``_`` for all but letters and digits of ASCII, and ``.``, ``-``.
        It begins with none of these but ``.``.

    Examples
    --------
    >>> accepted_name("layer 1/out")
    'layer_1_out'
    """
    return re.sub(r"[^A-Za-z0-9_.-]", "_", label).lstrip("_-") or "unnamed"


def unique_names(objects: Sequence[Any], default: str) -> dict[Any, str]:
    """Name objects by their labels.

    Parameters
    ----------
    objects : list of NengoObject
        The objects.
    default : str
        Name of those without label.

    Returns
    -------
    names : dict of {NengoObject: str}
        Their names; a second object of one name has ``_1`` appended, and so on.
        Characters that Keras does not accept in names are replaced by ``_``.

    Examples
    --------
    >>> import nengo
    >>> with nengo.Network():
    ...     nodes = [nengo.Node(0, label="a"), nengo.Node(0), nengo.Node(0)]
    >>> list(unique_names(nodes, "node").values())
    ['a', 'node', 'node_1']
    """
    names: dict[Any, str] = {}
    used = {"n_steps"}
    for obj in objects:
        names[obj] = free_name(accepted_name(obj.label or default), used)
        used.add(names[obj])
    return names


def free_name(name: str, used: Container[str]) -> str:
    """Find a name that is not in use.

    Parameters
    ----------
    name : str
        The name that is wanted.
    used : set of str
        Names that are in use.

    Returns
    -------
    name : str
        The name, with ``_1`` appended if it is in use, or ``_2`` if that is too.
    """
    numbered = (f"{name}_{count}" for count in itertools.count(1))
    return next(x for x in itertools.chain([name], numbered) if x not in used)
