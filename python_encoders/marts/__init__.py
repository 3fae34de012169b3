"""The marts that Python fills beside the vectors."""

from python_encoders.marts.filling import fill_marts
from python_encoders.marts.mart_vars import MartVars, VectorMarts

__all__ = ["MartVars", "VectorMarts", "fill_marts"]
