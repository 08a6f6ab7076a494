"""The main job, shown: ``python -m nox -s demo``."""
