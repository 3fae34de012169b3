"""Search over the vectors: which scenarios are most like one."""

from python_encoders.search.neighbors import nearest_to_each
from python_encoders.search.pgvector import check_index_metric
from python_encoders.search.similar_scenarios import Question, similar
from python_encoders.search.similarity import Neighbour, nearest

__all__ = [
    "Neighbour",
    "Question",
    "check_index_metric",
    "nearest",
    "nearest_to_each",
    "similar",
]
