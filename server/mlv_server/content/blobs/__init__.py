"""Where packs rest: write-once blobs under names."""
