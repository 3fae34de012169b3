"""The scope of a run and its outcome, the same on both engines."""

from typing import NamedTuple

# The type of every vector that this project writes. Other types may share the table.
ENTITY_TYPE = "SCENARIO"


class Scope(NamedTuple):
    """The encoders and scenarios that a command works on.

    Attributes
    ----------
    model_ids : tuple of str
        The encoders.
    scenario_set_id : str or None
        One set, or all of them.
    limit : int or None
        The first ``limit`` scenario ids of each set, in their order; None: all of them.
    max_prune : int or None
        How many scenarios may lose their last vector; None: as many as the prune guard
        lets pass.
    """

    model_ids: tuple[str, ...]
    scenario_set_id: str | None = None
    limit: int | None = None
    max_prune: int | None = None


class Encoded(NamedTuple):
    """The numbers of vectors that a run wrote and pruned."""

    num_written: int
    num_pruned: int
