"""gRPC adapters: unpack, call one service, pack; and the one chain that every call passes."""
