"""mlv: version control for models and everything that makes them; `mlv.connect(url).repository("ns/name")`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlv.sdk import Client, Repository, Version, Workspace, connect, open_workspace

__all__ = ["Client", "Repository", "Version", "Workspace", "connect", "open_workspace"]


def __getattr__(name: str) -> object:
    """Import the SDK when it is used: the command line must start without it."""
    if name in __all__:
        from mlv import sdk

        return getattr(sdk, name)
    message = f"module 'mlv' has no attribute '{name}'"
    raise AttributeError(message)
