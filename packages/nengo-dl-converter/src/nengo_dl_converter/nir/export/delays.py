"""One step around each cycle, where NIR has it.

In Nengo a synapse delays by a step, and every cycle has one. In NIR the edge that
closes a cycle waits for the next step by itself. So such an edge makes up for a step
that a synapse cost before it: that delay is taken away. Between the two may be nodes
that give zero for zero and so can come before or after a delay as well; what else they
feed is delayed in its stead.
"""

from __future__ import annotations

from ..cycles import delayed_edges
from ..errors import NIRError
from ..flattening import Edge, Flat
from .draft import Draft

_ZERO_FOR_ZERO = ("Linear", "Scale", "Flatten", "SumPool2d", "AvgPool2d")


def balance_delays(draft: Draft) -> None:
    """Take away the delays that edges closing a cycle make up for.

    Parameters
    ----------
    draft : Draft
        A graph, which is changed.

    Raises
    ------
    NIRError
        If there is no such delay: the cycle is entered behind it.
    """
    flat = Flat(draft.nodes, draft.edges, {})
    closing = delayed_edges(flat)
    while closing:
        pre, post = min(closing)
        _take_step(draft, pre, post, closing, ())


def _take_step(
    draft: Draft, pre: str, post: str, closing: set[Edge], passed: tuple[str, ...]
) -> None:
    """Let a node receive the output of another one step earlier.

    Edges are taken from those that close a cycle as soon as they are made up for.
    """
    closing.discard((pre, post))
    if pre in draft.steps:
        draft.edges.remove((pre, post))
        draft.edges += [(before, post) for before in draft.feeding(pre)]
        if not draft.fed_by(pre):
            draft.remove(pre)
        return
    node = draft.nodes[pre]
    silent = (
        node.kind in _ZERO_FOR_ZERO
        or (node.kind in ("Conv1d", "Conv2d") and not node["bias"].any())
        or (node.kind == "LI" and not node["v_leak"].any())
    )
    if not silent or pre in passed:
        raise NIRError(
            f"it leads back to {post!r}, and NIR delays what closes a cycle there, but "
            "Nengo does before: put a synapse on the connection that closes the cycle",
            pre,
        )
    for before in draft.feeding(pre):
        _take_step(draft, before, pre, closing, (*passed, pre))
    for other in draft.fed_by(pre):
        if (pre, other) in closing:
            closing.remove((pre, other))
        elif other != post:
            draft.edges.remove((pre, other))
            later = draft.add_step(f"{pre}.step", draft.shapes[pre], pre)
            draft.edges.append((later, other))
