"""The marts that Python fills beside the vectors."""

from python_encoders.marts.scenario_neighbors import NeighborVars, fill_neighbors

__all__ = ["NeighborVars", "fill_neighbors"]
