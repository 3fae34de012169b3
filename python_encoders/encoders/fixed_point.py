"""Shared by the sketches: whole numbers, the market mode, and signs from names.

Returns become whole multiples of 2⁻²⁴, held in float64. Every sum is one of whole numbers
below 2⁵³, so a matrix product adds them exactly and in any order: the same bytes from every
BLAS, thread count and batch. Operations on other numbers come after the sums, element by
element, and IEEE 754 defines how each result is rounded.
"""

import functools
import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

UNIT = 2.0**-24
MAX_HORIZON_DAYS = 1024
MAX_SERIES = 2048
MAX_ABS_RETURN = 4.0
SEPARATOR = "\x1f"
FORBIDDEN_IN_ID = (SEPARATOR, "\x00")

# Signs are kept as bits and widened one block of cells at a time, so that memory is bounded
# for panels of any width. A part of a batch is small enough for the processor's cache.
_BLOCK_CELLS = 4096
_PART_CELLS = 512 * 1024

Whole = NDArray[np.float64]


def check_shape(panels: NDArray[np.float64], series_ids: Sequence[str]) -> None:
    """Check that the sketches are defined for panels of this shape and axis.

    Raises
    ------
    ValueError
        Names the length or the id at fault.
    """
    _, num_days, num_series = panels.shape
    if not 1 <= num_days <= MAX_HORIZON_DAYS:
        raise ValueError(f"{num_days} days; a sketch takes 1 to {MAX_HORIZON_DAYS}")
    if not 1 <= num_series <= MAX_SERIES:
        raise ValueError(f"{num_series} series; a sketch takes 1 to {MAX_SERIES}")
    if len(series_ids) != num_series:
        raise ValueError(f"{len(series_ids)} series ids for {num_series} series")
    if len(set(series_ids)) != num_series:
        twice = next(name for name in series_ids if list(series_ids).count(name) > 1)
        raise ValueError(f"series id {twice!r} is there more than once")
    for series_id in series_ids:
        if not series_id or any(mark in series_id for mark in FORBIDDEN_IN_ID):
            raise ValueError(
                f"series id {series_id!r} is empty or has a character U+001F or U+0000"
            )


def whole_parts(
    panels: NDArray[np.float64], series_ids: Sequence[str]
) -> Iterator[tuple[slice, Whole, Whole]]:
    """Turn a batch into whole multiples of 2⁻²⁴, some panels at a time.

    Parameters
    ----------
    panels : ndarray of shape (B, H, N), float64
    series_ids : sequence of N str
        Only to name a cell by.

    Yields
    ------
    slice
        Which panels of the batch, b of them.
    ndarray of shape (b, H, N), float64
        Their returns, rounded half to even. A zero may be negative, as in the panels. The
        next part takes the same memory.
    ndarray of shape (b, H), float64
        Their market mode: each day's mean over the series, rounded half to even. No zero
        is negative.

    Raises
    ------
    ValueError
        Names the first cell that is not finite or beyond ±4.
    """
    _, num_days, num_series = panels.shape
    num_panels = max(1, _PART_CELLS // (num_days * num_series))
    memory = np.empty((num_panels, num_days, num_series))
    for first in range(0, len(panels), num_panels):
        part = slice(first, first + num_panels)
        values = panels[part]
        # (A NaN compares as false with everything.)
        if not (values.max() <= MAX_ABS_RETURN and values.min() >= -MAX_ABS_RETURN):
            panel, day, column = np.argwhere(~(np.abs(values) <= MAX_ABS_RETURN))[0]
            raise ValueError(
                f"day {day + 1}, series {series_ids[column]!r} of panel {first + panel} is "
                f"{values[panel, day, column]}; a sketch takes finite values of |r| ≤ 4"
            )
        whole = np.multiply(values, 2.0**24, out=memory[: len(values)])
        np.rint(whole, out=whole)
        mode = whole.sum(axis=2)
        mode /= whole.shape[2]
        yield part, whole, np.rint(mode, out=mode) + 0.0


# Room for what all encoders ask of one set.
@functools.lru_cache(maxsize=8)
def _sign_bits(
    model_id: str, days: range, series_ids: tuple[str, ...]
) -> NDArray[np.uint8]:
    """Hash each cell's name into its row of signs, 48 bytes of 8 bits each.

    A hash per cell is the definition. It is computed once for a set.
    """
    digests = b"".join(
        hashlib.blake2b(
            f"{model_id}{SEPARATOR}{day}{SEPARATOR}{series_id}".encode(), digest_size=48
        ).digest()
        for day in days
        for series_id in series_ids
    )
    return np.frombuffer(digests, np.uint8).reshape(-1, 48)


@functools.lru_cache(maxsize=16)
def _signs(
    model_id: str,
    days: range,
    series_ids: tuple[str, ...],
    num_signs: int,
    first: int,
) -> NDArray[np.float64]:
    """Widen a block of sign bits to the ±1 of a matrix product; 10 MB each, at most."""
    block = _sign_bits(model_id, days, series_ids)[first : first + _BLOCK_CELLS]
    signs = np.unpackbits(block, axis=1, count=num_signs).astype(np.float64)
    signs *= 2.0
    signs -= 1.0
    return signs


def project(
    whole: Whole,
    model_id: str,
    days: range,
    series_ids: Sequence[str],
    num_signs: int,
) -> Whole:
    """Multiply rows of whole numbers with the signs of their cells, exactly.

    The signs of a cell are a hash of its day and series id, and of nothing else, so a
    series keeps its direction in every universe.

    Parameters
    ----------
    whole : ndarray of shape (B, D, N), float64
        Whole numbers, D·N times the largest below 2⁵³.
    model_id : str
    days : range of length D
    series_ids : sequence of N str
    num_signs : int
        How many of the 384 signs to use, the first ones.

    Returns
    -------
    ndarray of shape (B, num_signs), float64
        Whole numbers. No zero is negative.
    """
    cells = whole.reshape(len(whole), len(days) * len(series_ids))
    names = tuple(series_ids)
    sums: Whole = np.zeros((len(whole), num_signs))
    for first in range(0, cells.shape[1], _BLOCK_CELLS):
        signs = _signs(model_id, days, names, num_signs, first)
        sums += cells[:, first : first + _BLOCK_CELLS] @ signs
    return sums
