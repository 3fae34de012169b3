"""The distances that vectors are compared by."""

METRICS = ("l2", "cosine")
