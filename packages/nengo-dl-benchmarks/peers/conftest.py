"""Nothing here is a part of other sessions than ``accuracy_peers``."""

import os

collect_ignore_glob = [] if "NENGO_DL_SNNTORCH" in os.environ else ["*.py"]
