"""The workflow: build the panels with dbt, encode what is pending, test the result."""

from python_encoders.pipeline.backfill import backfill, create_scales
from python_encoders.pipeline.dbt_chain import DbtChain, start_dbt
from python_encoders.pipeline.doctor import diagnose
from python_encoders.pipeline.encode import encode_only
from python_encoders.pipeline.outcome import Outcome, outcome
from python_encoders.pipeline.reporter import Reporter

__all__ = [
    "DbtChain",
    "Outcome",
    "Reporter",
    "backfill",
    "create_scales",
    "diagnose",
    "encode_only",
    "outcome",
    "start_dbt",
]
