"""Nothing here is a part of other sessions than ``nir_peers``."""

import os

collect_ignore_glob = ["run_peer.py"] if "NENGO_DL_PEERS" in os.environ else ["*.py"]
