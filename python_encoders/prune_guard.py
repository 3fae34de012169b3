"""The prune guard: a run that would take many scenarios' last vectors stops first."""

from collections.abc import Mapping

from python_encoders.errors import WorkFailedError

GONE = "gone from the source"
# A run may take the last vector of this many scenarios, or of this share of them.
_MAX_SCENARIOS = 10
_ONE_IN = 10


def check_prune(num_scenarios: Mapping[str | None, int], max_prune: int | None) -> None:
    """Check that a run leaves enough of its scenarios with a vector.

    Parameters
    ----------
    num_scenarios : mapping of str or None to int
        The scenarios in scope that have a vector, counted by the cause for which the run
        would leave them without any: ``GONE``, or why they are rejected by now. None: the
        run keeps a vector of them, or writes one.
    max_prune : int or None
        How many scenarios may lose their last vector; None: ten, or a tenth of them.

    Raises
    ------
    WorkFailedError
        More would lose theirs. Names the causes, and says how to confirm.
    """
    lost = {cause: count for cause, count in num_scenarios.items() if cause is not None}
    num_lost, total = sum(lost.values()), sum(num_scenarios.values())
    allowed = max(_MAX_SCENARIOS, total // _ONE_IN) if max_prune is None else max_prune
    if num_lost <= allowed:
        return
    causes = [f"{lost[GONE]} {GONE}"] if GONE in lost else []
    causes += [
        f"{count} rejected now ({cause})"
        for cause, count in sorted(lost.items())
        if cause != GONE
    ]
    raise WorkFailedError(
        f"{num_lost} of the {total} scenarios in scope that have a vector would be left "
        f"without one: {', '.join(causes)}. No vector was written or deleted. If this is "
        f"right, confirm it with --max-prune {num_lost}"
    )
