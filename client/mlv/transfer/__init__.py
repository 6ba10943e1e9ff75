"""Moving content between a workspace and the server: cut, hash, code, send; fetch, decode, verify, write."""
