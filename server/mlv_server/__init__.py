"""The mlv server: one gRPC process over one transactional database and one content store."""
