"""The content store: packs, files and the caches beside them, by content domain."""
