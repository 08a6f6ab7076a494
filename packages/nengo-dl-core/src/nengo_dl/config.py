"""Settings."""

from nengo_dl_core import configure_settings, get_setting

__all__ = [
    "configure_settings",
    "get_setting",
]
