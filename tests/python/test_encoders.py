"""The encoders against a plain reference, cell by cell."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from python_encoders.encoders import ENCODERS, cells_dropped, squared_return_dropped
from python_encoders.encoders.core import flatten_and_pad

CORE = ENCODERS["num-scenario-core-v1"]

panels_of_returns = npst.arrays(
    np.float64,
    st.tuples(st.integers(1, 5), st.integers(1, 40), st.integers(1, 25)),
    elements=st.floats(-1e38, 1e38, allow_subnormal=True),
)


def plain_vector(panel: np.ndarray) -> bytes:
    cells = [float(value) for day in panel for value in day][:384]
    return struct.pack("<384f", *(cells + [0.0] * (384 - len(cells))))


@given(panels_of_returns)
def test_core_is_the_first_384_cells_as_float32_then_zeros(panels):
    vectors = flatten_and_pad(panels, [])

    assert vectors.dtype == np.float32
    assert [vector.astype("<f4").tobytes() for vector in vectors] == [
        plain_vector(panel) for panel in panels
    ]


@given(panels_of_returns)
def test_a_vector_does_not_depend_on_its_batch(panels):
    together = flatten_and_pad(panels, [])
    alone = np.concatenate([flatten_and_pad(panel[None], []) for panel in panels[::-1]])

    assert together.tobytes() == alone[::-1].tobytes()


def test_core_takes_any_memory_layout():
    panels = np.arange(2 * 3 * 5, dtype=np.float64).reshape(2, 3, 5)

    assert (
        flatten_and_pad(np.asfortranarray(panels), []).tobytes()
        == flatten_and_pad(panels, []).tobytes()
    )


def test_core_keeps_the_sign_of_zero():
    assert np.signbit(flatten_and_pad(np.full((1, 1, 1), -0.0), [])[0, 0])


@pytest.mark.parametrize("value", [np.nan, np.inf, 3.5e38, 1e308])
def test_core_names_a_cell_that_float32_cannot_hold(value):
    panels = np.zeros((3, 2, 2))
    panels[1, 1, 0] = value

    with pytest.raises(ValueError, match=r"cell 2 of panel 1 is .*beyond float32"):
        flatten_and_pad(panels, [])


@pytest.mark.parametrize(("num_cells", "dropped"), [(1, 0), (384, 0), (385, 1), (400, 16)])
def test_cells_dropped_are_those_beyond_384(num_cells, dropped):
    assert cells_dropped(CORE, num_cells) == dropped


def test_squared_return_dropped_is_its_share_beyond_384():
    panels = np.zeros((4, 20, 20))
    panels[0, 0, 0] = panels[0, 19, 19] = -0.02  # half of it is in the last cell
    panels[1, 19, 19] = 1e300  # whose square is no float64
    panels[2, 0, 0] = 0.5

    assert squared_return_dropped(CORE, panels).tolist() == [0.5, 1.0, 0.0, 0.0]
    assert squared_return_dropped(CORE, panels[:, :10]).tolist() == [0, 0, 0, 0]
