"""The wire contract: .proto files, generated code, and its translation to values."""
