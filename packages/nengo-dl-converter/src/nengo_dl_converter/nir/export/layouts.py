"""In which shape the elements of each Nengo object appear in NIR.

Nengo's objects are flat. In NIR a convolution takes and gives channels first, then
positions, and nothing but a Flatten changes shapes. So what is on either side of a
convolution must have its shape. That works if all that feeds an object gives its shape;
else the object is flat, and convolutions beside it become matrices.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import nengo
import numpy as np
import numpy.typing as npt
from nengo.base import NengoObject
from nengo.transforms import ChannelShape

from .links import Link


class Layout(NamedTuple):
    """How the elements of an object are arranged in NIR.

    Attributes
    ----------
    shape : tuple of int
        The shape, channels first.
    channels_last : bool
        Whether channels are last in Nengo.
    """

    shape: tuple[int, ...]
    channels_last: bool = False

    @classmethod
    def of(cls, shape: ChannelShape) -> Layout:
        """Give the layout of one side of a convolution."""
        return cls((shape.n_channels, *shape.spatial_shape), shape.channels_last)

    @property
    def order(self) -> npt.NDArray[np.int64]:
        """Which element in Nengo each one in NIR is, flat."""
        indices = np.arange(np.prod(self.shape))
        if not self.channels_last or len(self.shape) == 1:
            return indices
        n_channels, *positions = self.shape
        return np.moveaxis(indices.reshape(*positions, n_channels), -1, 0).ravel()

    def arranged(self, values: Any) -> Any:
        """Arrange values, one for each element in Nengo, as in NIR."""
        return np.asarray(values)[self.order].reshape(self.shape)


def layouts_of(
    links: Sequence[Link], objects: Iterable[Any], flat: Iterable[Any]
) -> dict[Any, Layout]:
    """Choose the layouts of all objects.

    Parameters
    ----------
    links : list of Link
        What connects them.
    objects : iterable of NengoObject
        Nodes, Neurons and Probes.
    flat : iterable of NengoObject
        Those that must be flat.

    Returns
    -------
    layouts : dict of {NengoObject: Layout}
        Layouts by object.
    """
    objects = list(objects)
    must_be_flat = set(flat)
    while True:
        layouts, undecided = _proposed(links, must_be_flat)
        wrong = undecided | {
            link.post
            for link in links
            if link.post in layouts and not _gives(link, layouts)
        }
        if not wrong:
            return {obj: layouts.get(obj, Layout((_size(obj),))) for obj in objects}
        must_be_flat |= wrong


def _size(obj: Any) -> int:
    size = obj.size_in if isinstance(obj, nengo.Probe) else obj.size_out
    return int(size or obj.size_in)


def _proposed(
    links: Sequence[Link], flat: set[Any]
) -> tuple[dict[NengoObject, Layout], set[NengoObject]]:
    """Layouts as convolutions want them, handed on; and objects with more than one."""
    proposals: dict[NengoObject, set[Layout]] = {}

    def propose(obj: NengoObject, layout: Layout) -> None:
        if obj not in flat and not isinstance(obj, nengo.Ensemble):
            proposals.setdefault(obj, set()).add(layout)

    for link in links:
        if link.convolution is not None:
            propose(link.pre, Layout.of(link.convolution.input_shape))
            propose(link.post, Layout.of(link.convolution.output_shape))
    before = -1
    while before < (before := sum(map(len, proposals.values()))):
        for link in links:
            if link.matrix is None:
                for layout in list(proposals.get(link.pre, ())):
                    propose(link.post, layout)
                for layout in list(proposals.get(link.post, ())):
                    propose(link.pre, layout)
    undecided = {obj for obj, found in proposals.items() if len(found) > 1}
    chosen = {obj: next(iter(found)) for obj, found in proposals.items()}
    return chosen, undecided


def _gives(link: Link, layouts: dict[NengoObject, Layout]) -> bool:
    """Whether a link gives the layout of what it leads to."""
    pre, post = layouts.get(link.pre), layouts[link.post]
    if link.matrix is None:
        return pre == post
    return is_convolution(link, pre, post)


def is_convolution(link: Link, pre: Layout | None, post: Layout) -> bool:
    """Tell whether a link can be a convolution between objects of some layouts.

    Parameters
    ----------
    link : Link
        What connects the objects.
    pre, post : Layout
        Their layouts.
    """
    convolution = link.convolution
    return (
        convolution is not None
        and convolution.dimensions < 3
        and pre == Layout.of(convolution.input_shape)
        and post == Layout.of(convolution.output_shape)
        and (convolution.padding == "valid" or max(convolution.strides) == 1)
    )
