"""The one transactional database: users, rights, history, locks, and where content lies."""
