"""Questions to the vectors: what is like what, what stands for what, what is covered."""

from python_encoders.search.comparison import Comparison, compare
from python_encoders.search.distances import exact_distances, nearest_rows
from python_encoders.search.duplicate_scenarios import duplicates
from python_encoders.search.medoids import choose_medoids
from python_encoders.search.pgvector import check_index_metric
from python_encoders.search.plausible import plausibility
from python_encoders.search.reduction import reduce, represent
from python_encoders.search.similar_scenarios import Question, similar
from python_encoders.search.similarity import Neighbour, nearest
from python_encoders.search.stored_vectors import as_matrix, read_vectors, vectors
from python_encoders.search.whole_numbers import (
    squared_distances,
    whole_distances,
    whole_vectors,
)

__all__ = [
    "Comparison",
    "Neighbour",
    "Question",
    "as_matrix",
    "check_index_metric",
    "choose_medoids",
    "compare",
    "duplicates",
    "exact_distances",
    "nearest",
    "nearest_rows",
    "plausibility",
    "read_vectors",
    "reduce",
    "represent",
    "similar",
    "squared_distances",
    "vectors",
    "whole_distances",
    "whole_vectors",
]
