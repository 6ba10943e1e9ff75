"""The command mlv-server."""
