"""What users do with files on their disk: the workspace, its state, and how it is kept whole."""
