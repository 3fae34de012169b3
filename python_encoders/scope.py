"""What a run works on, and what it did; the same on both engines."""

from typing import NamedTuple

# Of every vector that this project writes; other types may live in the same table.
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
        The first so many scenario ids of each set, in their order; or all of them.
    """

    model_ids: tuple[str, ...]
    scenario_set_id: str | None = None
    limit: int | None = None


class Encoded(NamedTuple):
    """How many vectors an encoder run wrote, and how many it pruned."""

    num_written: int
    num_pruned: int
