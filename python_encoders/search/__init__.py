"""Questions to the vectors: what is like what, what stands for what, what is covered."""

from python_encoders.search.comparison import Comparison, compare
from python_encoders.search.duplicate_scenarios import duplicates
from python_encoders.search.pgvector import check_index_metric
from python_encoders.search.plausible import plausibility
from python_encoders.search.reduction import reduce
from python_encoders.search.similar_scenarios import Question, similar
from python_encoders.search.similarity import nearest
from python_encoders.search.stored_vectors import vectors

__all__ = [
    "Comparison",
    "Question",
    "check_index_metric",
    "compare",
    "duplicates",
    "nearest",
    "plausibility",
    "reduce",
    "similar",
    "vectors",
]
