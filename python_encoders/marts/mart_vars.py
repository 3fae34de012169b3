"""The dbt vars of the marts, checked."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from python_encoders.dbt_project import dbt_var
from python_encoders.encoders import check_models
from python_encoders.errors import WrongUsageError
from python_encoders.metrics import METRICS


class MartVars(NamedTuple):
    """The vars of one mart.

    Attributes
    ----------
    model_ids : tuple of str
        The encoders that the mart has rows of. None by default.
    number : int
        How many neighbours a scenario has, or representatives a set.
    metric : str
        ``cosine`` or ``l2``.
    """

    model_ids: tuple[str, ...]
    number: int
    metric: str

    @classmethod
    def read(cls, variables: Mapping[str, Any], kind: str, most: int) -> "MartVars":
        """Read the vars of a kind as given, else the project's.

        Raises
        ------
        WrongUsageError
            A var means nothing.
        """
        names = (f"{kind}_model_ids", f"num_{kind}s", f"{kind}_metric")
        model_ids, number, metric = (dbt_var(name, dict(variables)) for name in names)
        if not isinstance(model_ids, list):
            raise WrongUsageError(
                f"the var {names[0]} is a list of encoders, not {model_ids!r}"
            )
        check_models(model_ids)
        if type(number) is not int or not 1 <= number <= most:
            raise WrongUsageError(
                f"the var {names[1]} is a whole number from 1 to {most}, not {number!r}"
            )
        if metric not in METRICS:
            raise WrongUsageError(
                f"the var {names[2]} is {' or '.join(METRICS)}, not {metric!r}"
            )
        return cls(tuple(dict.fromkeys(model_ids)), number, metric)


class VectorMarts(NamedTuple):
    """What the marts are to hold.

    Attributes
    ----------
    neighbors, representatives : MartVars
    """

    neighbors: MartVars
    representatives: MartVars

    @classmethod
    def read(cls, variables: Mapping[str, Any]) -> "VectorMarts":
        """Read the vars of both marts as given, else the project's.

        Raises
        ------
        WrongUsageError
            A var means nothing.
        """
        return cls(
            MartVars.read(variables, "neighbor", 1_000),
            MartVars.read(variables, "representative", 100_000),
        )
