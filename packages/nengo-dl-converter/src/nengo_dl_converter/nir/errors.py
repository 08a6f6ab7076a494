"""What goes wrong with NIR files and graphs."""

from __future__ import annotations


class NIRError(ValueError):
    """A NIR graph cannot be read, simulated or written.

    Parameters
    ----------
    message : str
        What is wrong.
    node : str, optional
        Name of the node that is to blame, or of the Nengo object when one is written.
    path : str, optional
        The file, where it is the file that is to blame.

    Attributes
    ----------
    node : str or None
        Name of the node.
    path : str or None
        The file.
    """

    def __init__(
        self, message: str, node: str | None = None, path: str | None = None
    ) -> None:
        places = [f"node {node!r}"] if node is not None else []
        places += [f"file {path!r}"] if path is not None else []
        super().__init__(
            ": ".join([", ".join(places), message] if places else [message])
        )
        self.node = node
        self.path = path
