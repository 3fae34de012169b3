"""A scenario of the report."""

import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

CRISIS = "CRISIS"


class Scenario(NamedTuple):
    """One vector's scenario, and what people call it.

    Attributes
    ----------
    entity_id, set_id : str
    category : str or None
        Of its set.
    name : str
        The entity id where it has no name of its own.
    scenario_class : str or None
    first_day, last_day : date or None
        Of a historical window.
    market_path : ndarray of shape (H + 1,), float64, or None
        The market's return since the start, on days 0 to H; None where no panel is built.
    is_scaled : bool
        Whether the market is of returns that were divided by the scale of their series.
    weight : float or None
        Of a representative: the share of its set that it stands for.
    notes : tuple of str
        What the comparison with history says of it.
    """

    entity_id: str
    set_id: str
    category: str | None
    name: str
    scenario_class: str | None
    first_day: datetime.date | None
    last_day: datetime.date | None
    market_path: NDArray[np.float64] | None
    is_scaled: bool = False
    weight: float | None = None
    notes: tuple[str, ...] = ()
