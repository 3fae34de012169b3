"""Vectors the plain way, out of the shipped CSV alone: what the chain has to equal."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from python_encoders.dbt_project import PROJECT_DIR


def reference_panels(
    rename: Callable[[str], str] = str,
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield entity_id and panel of each whole scenario: a row per day, ids as columns."""
    paths = pd.read_csv(PROJECT_DIR / "seeds" / "scenario_paths.csv")
    paths["instrument_id"] = paths["instrument_id"].map(rename)
    sets = pd.read_csv(PROJECT_DIR / "seeds" / "scenario_sets.csv")
    horizons = dict(zip(sets["scenario_set_id"], sets["horizon_days"], strict=True))
    for key, rows in paths.groupby(["scenario_set_id", "scenario_id"]):
        set_id, scenario_id = key
        panel = rows[rows.horizon_index > 0].pivot(
            index="horizon_index", columns="instrument_id", values="return_value"
        )
        panel = panel[sorted(panel.columns)].sort_index()
        if panel.notna().all(axis=None) and len(panel) == horizons[set_id]:
            yield f"{set_id}:{scenario_id}", panel


def reference_vectors(
    rename: Callable[[str], str] = str,
) -> Iterator[tuple[str, bytes]]:
    """Yield entity_id and the core vector's little-endian float32 bytes."""
    for entity_id, panel in reference_panels(rename):
        cells = panel.to_numpy(dtype="<f8").reshape(-1)[:384].astype("<f4")
        vector = np.concatenate([cells, np.zeros(384 - len(cells), dtype="<f4")])
        yield entity_id, vector.tobytes()
