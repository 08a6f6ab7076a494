"""Nothing here is a part of other sessions than ``neurobench_peers``."""

import os

if "NENGO_DL_NEUROBENCH" in os.environ:
    collect_ignore_glob = ["run_neurobench.py"]
else:
    collect_ignore_glob = ["*.py"]
