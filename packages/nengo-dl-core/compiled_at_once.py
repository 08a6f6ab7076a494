"""Plugin of pytest: simulations are compiled before their first step.

For Nengo's own tests, most of which are too short for it: ``nox -s nengo_suite``.
"""

from nengo_dl_core import tuning

tuning.LOOP_SECONDS = tuning.GROUP_SECONDS = 0
