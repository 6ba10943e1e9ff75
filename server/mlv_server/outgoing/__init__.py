"""Requests that the server itself makes: one POST to an address that was checked, bounded in time and size."""
