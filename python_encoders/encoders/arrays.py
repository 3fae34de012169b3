"""The arrays that encoders take and give."""

import numpy as np
from numpy.typing import NDArray

DIMENSION = 384

# A batch of panels, of shape (B, H, N): scenarios, days, series.
Panels = NDArray[np.float64]
# Their vectors, of shape (B, 384).
Vectors = NDArray[np.float32]
