"""What to say when another distribution of NengoDL is not installed."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def install_hint(distribution: str) -> Iterator[None]:
    """Say how to install a distribution whose import fails for its absence.

    Parameters
    ----------
    distribution : str
        The distribution that the imports in the context need.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != distribution.replace("-", "_"):
            raise
        raise ModuleNotFoundError(
            f"{distribution} is not installed: python -m pip install {distribution}",
            name=error.name,
        ) from error
