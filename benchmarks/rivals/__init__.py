"""The rivals of the comparison: one small class each, all with the verbs of `base.Rival`."""
