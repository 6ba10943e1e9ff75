"""The command mlv."""
