"""The largest functional brain model, which has a package of its own."""

import nengo

URL = "git+https://github.com/drasmuss/spaun2.0.git"


def spaun(dimensions: int) -> nengo.Network:
    """Build the Spaun network.

    It sees digits, remembers and computes with them, and writes its answers [1]_.

    Parameters
    ----------
    dimensions : int
        Number of dimensions of the semantic pointers.

    Returns
    -------
    net : nengo.Network
        The network.

    Raises
    ------
    ImportError
        If the network's package is not installed.

    References
    ----------
    .. [1] C. Eliasmith, T. C. Stewart, X. Choo, T. Bekolay, T. DeWolf, Y. Tang
       and D. Rasmussen (2012). A large-scale model of the functioning brain. Science,
       338, 1202-1205.
    """
    try:
        from _spaun.spaun_main import Spaun
        from _spaun.vocabulator import vocab
    except ModuleNotFoundError as error:
        raise ImportError(
            f"The Spaun network is not installed: python -m pip install {URL}"
        ) from error
    vocab.sp_dim = dimensions
    net: nengo.Network = Spaun()
    return net
