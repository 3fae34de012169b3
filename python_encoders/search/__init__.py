"""Search over the vectors: which scenarios are most like one."""

from python_encoders.search.pgvector import check_index_metric
from python_encoders.search.similar_scenarios import Question, similar
from python_encoders.search.similarity import nearest

__all__ = ["Question", "check_index_metric", "nearest", "similar"]
