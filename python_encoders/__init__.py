"""Encoders that turn scenario panels into 384-dim vectors, and the chain around them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from python_encoders.scenario_embeddings import ScenarioEmbeddings

__all__ = ["ScenarioEmbeddings"]


def __getattr__(name: str) -> object:
    """Import what analysts use when they use it: jobs on Spark have no Postgres driver."""
    if name == "ScenarioEmbeddings":
        from python_encoders.scenario_embeddings import ScenarioEmbeddings

        return ScenarioEmbeddings
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
