"""The workflow's own names for what lives in ``python_encoders``."""
