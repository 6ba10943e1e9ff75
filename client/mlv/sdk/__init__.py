"""The fluent API: `mlv.connect(url).repository("ns/name")`, and the same acts on a workspace as the command's."""

from mlv.sdk.client import Client, connect
from mlv.sdk.files import RemoteFile
from mlv.sdk.repository import Repository
from mlv.sdk.version import Version
from mlv.sdk.workspace import Workspace, open_workspace

__all__ = ["Client", "RemoteFile", "Repository", "Version", "Workspace", "connect", "open_workspace"]
