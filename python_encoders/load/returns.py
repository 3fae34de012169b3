"""From a file's values to returns in decimals."""

import numpy as np
import numpy.typing as npt

from python_encoders.errors import WrongUsageError
from python_encoders.load.layouts import Cube, steps_named
from python_encoders.load.options import UNITS, Options, Series


def to_returns(cube: Cube, settings: list[Series], options: Options) -> Cube:
    """Turn levels, log-returns, percent and basis points into returns in decimals.

    Levels change from the step before. Their first step, or the step ``base``, is none
    of its own. With ``base_scenario``, the change is from that scenario at the same step,
    and it is no scenario of its own.

    Raises
    ------
    WrongUsageError
        A change from a level of 0, or options that do not go together.
    """
    if options.base is not None:
        base = int(np.argmax(steps_named(options.base, cube, options.day_first)))
        cube = cube.take_steps(slice(base, None))
    if options.missing == "ffill":
        if any(each.values != "levels" for each in settings):
            raise WrongUsageError("--missing ffill is for levels")
        cube = cube._replace(values=_filled_forward(cube.values))
    has_levels = any(each.values == "levels" for each in settings)
    if options.base_scenario is not None:
        return _against_scenario(cube, settings, options)
    drops_first = has_levels or options.base is not None
    if not drops_first:
        return cube._replace(values=_changed(cube, cube.values, settings))
    if cube.values.shape[1] < 2:
        raise WrongUsageError("levels need at least two steps; this file has one")
    later = cube.take_steps(slice(1, None))
    return later._replace(values=_changed(later, cube.values[:, :-1], settings))


def _against_scenario(cube: Cube, settings: list[Series], options: Options) -> Cube:
    if options.base_scenario not in cube.scenario_ids:
        raise WrongUsageError(f"there is no scenario {options.base_scenario!r}")
    if any(each.values != "levels" for each in settings):
        raise WrongUsageError("--base-scenario is for levels: say --values levels")
    others = np.array([name != options.base_scenario for name in cube.scenario_ids])
    base = cube.values[~others]
    kept = cube.take_scenarios(others)
    if not others.any():
        raise WrongUsageError("there is no scenario beside --base-scenario")
    if options.base is not None:
        kept, base = kept.take_steps(slice(1, None)), base[:, 1:]
    return kept._replace(
        values=_changed(kept, np.broadcast_to(base, kept.values.shape), settings)
    )


def _changed(
    cube: Cube, before: npt.NDArray[np.float64], settings: list[Series]
) -> npt.NDArray[np.float64]:
    """Give the returns of a cube's values, each series by its settings."""
    returns = np.empty_like(cube.values)
    for at, each in enumerate(settings):
        now, then = cube.values[:, :, at], before[:, :, at]
        if each.values == "levels" and each.change == "relative":
            if (then == 0).any():
                raise WrongUsageError(
                    f"series {cube.series_ids[at]!r} has a level of 0, from which there is "
                    "no relative change; a spec can say `change: difference` for it"
                )
            found = now / then - 1
        elif each.values == "levels":
            found = (now - then) / UNITS[each.unit]
        elif each.values == "log-returns":
            found = np.expm1(now / UNITS[each.unit])
        else:
            found = now / UNITS[each.unit]
        returns[:, :, at] = found if each.sign == 1 else -found
    return returns


def _filled_forward(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Fill what is missing with the last value before it in the scenario."""
    steps = np.arange(values.shape[1])[None, :, None]
    last = np.maximum.accumulate(np.where(np.isnan(values), 0, steps), axis=1)
    filled: npt.NDArray[np.float64] = np.take_along_axis(values, last, axis=1)
    return filled


def without_missing(cube: Cube, missing: str) -> Cube:
    """Treat missing returns: leave them out (the chain rejects), zero, or drop series."""
    gaps = np.isnan(cube.values)
    if missing == "zero":
        return cube._replace(values=np.where(gaps, 0.0, cube.values))
    if missing == "drop-series":
        whole = np.logical_not(gaps.any(axis=(0, 1)))
        if not whole.any():
            raise WrongUsageError("every series lacks a value: none is left")
        return cube.take_series(whole)
    return cube
