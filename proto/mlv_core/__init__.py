"""What client and server must compute identically: formats, codecs, hashes, paths, diffs, errors; pure."""
