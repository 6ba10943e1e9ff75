"""One module a family of verbs, imported when one of them runs."""
