"""Benchmarks: bytes, chains and limits of the real client and server, on a corpus that anyone can make again."""
