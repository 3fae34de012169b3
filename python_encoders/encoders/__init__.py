"""The encoders: pure functions from batches of panels to vectors, on numpy alone.

An encoder's bytes are its contract. A change that alters one bit of one vector is a new
``model_id``.
"""

from python_encoders.encoders import panel_sketch, stress_shape_v2
from python_encoders.encoders.arrays import DIMENSION, Panels, Vectors
from python_encoders.encoders.fixed_point import SEPARATOR
from python_encoders.encoders.losses import cells_dropped, squared_return_dropped
from python_encoders.encoders.registry import BLOCKS, ENCODERS, Encoder, check_models

__all__ = [
    "BLOCKS",
    "DIMENSION",
    "ENCODERS",
    "SEPARATOR",
    "Encoder",
    "Panels",
    "Vectors",
    "cells_dropped",
    "check_models",
    "panel_sketch",
    "squared_return_dropped",
    "stress_shape_v2",
]
