"""The server as an object that takes and gives values; gRPC and the wire end here."""

from mlv.remote.service import Server, connect

__all__ = ["Server", "connect"]
