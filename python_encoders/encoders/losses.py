"""The share of a panel that an encoder drops."""

import numpy as np
from numpy.typing import NDArray

from python_encoders.encoders.arrays import Panels
from python_encoders.encoders.registry import Encoder


def cells_dropped(encoder: Encoder, num_cells: int) -> int:
    """Count the cells that the encoder drops of a panel of ``num_cells``."""
    seen = num_cells if encoder.cells_seen is None else encoder.cells_seen
    return max(0, num_cells - seen)


def squared_return_dropped(encoder: Encoder, panels: Panels) -> NDArray[np.float64]:
    """Measure the share of the squared return that the encoder drops.

    Parameters
    ----------
    encoder : Encoder
    panels : ndarray of shape (B, H, N), float64

    Returns
    -------
    ndarray of shape (B,), float64
        Between 0 and 1, to six decimals; 0 for a panel of zeros.
    """
    cells = panels.reshape(len(panels), -1)
    dropped = cells_dropped(encoder, cells.shape[1])
    if not dropped:
        return np.zeros(len(panels))
    # Scale first: the square of a large return would leave float64.
    scale = np.abs(cells).max(axis=1, keepdims=True)
    squares = np.square(np.divide(cells, scale, out=np.zeros_like(cells), where=scale > 0))
    total = squares.sum(axis=1)
    unseen = squares[:, -dropped:].sum(axis=1)
    share: NDArray[np.float64] = np.zeros(len(panels))
    np.divide(unseen, total, out=share, where=total > 0)
    return share.round(6)
