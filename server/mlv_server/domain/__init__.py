"""Decisions that only the server takes: pure functions of what they are given."""
