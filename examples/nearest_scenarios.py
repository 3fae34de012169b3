"""How a program reads the vectors: what was encoded, and what a crisis is nearest to.

``make demo`` ends with it. Run it after a backfill::

    python examples/nearest_scenarios.py "Lehman, October 2008"
"""

import sys

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from python_encoders.connection import choose_server, connect
from python_encoders.store import fetch, quoted, target_schema

MODEL = "num-scenario-core-v1"
SHOWN = 6


def read(query: str) -> pd.DataFrame:
    """Run a query against the schema that dbt built."""
    with connect() as connection:
        return fetch(
            connection, query.format(schema=quoted(target_schema())), []
        ).to_pandas()


def print_table(title: str, rows: pd.DataFrame) -> None:
    """Print a data frame as a table."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in rows:
        numeric = pd.api.types.is_numeric_dtype(rows[column])
        table.add_column(str(column), justify="right" if numeric else "left")
    for row in rows.itertuples(index=False):
        table.add_row(*(Text(str(value)) for value in row))
    # A log has no width to fold a table into.
    console = Console(highlight=False, width=max(Console().width, 100))
    console.print()
    console.print(table)


def main(name: str) -> None:
    """Show coverage, rejections, and the nearest scenarios of the one with this name."""
    print_table(
        "What became of the scenarios",
        read(
            """
            select
                scenario_set_id as "scenario set", num_in_source as "in the source",
                num_encoded as encoded, num_rejected as rejected, num_pending as pending
            from {schema}.scenario_set_coverage order by 1
            """
        ),
    )
    print_table(
        "Rejected",
        read("select * from {schema}.scenario_rejections order by 1, 2"),
    )

    scenarios = read(
        f"""
        select
            labels.scenario_name, labels.scenario_class, embeddings.embedding,
            cast(exp(sum(ln(1 + days.mean_return))) - 1 as float8) as market_return
        from {{schema}}.numeric_window_embeddings as embeddings
        inner join {{schema}}.scenario_labels as labels
            on embeddings.entity_id = labels.scenario_set_id || ':' || labels.scenario_id
        inner join {{schema}}.scenario_panels as panels
            on embeddings.entity_id = panels.scenario_set_id || ':' || panels.scenario_id
        cross join lateral (
            select avg(value) as mean_return
            from unnest(panels.panel) with ordinality as cells (value, position)
            group by (position - 1) / panels.num_series
        ) as days
        where
            embeddings.entity_type = 'SCENARIO'
            and embeddings.model_id = '{MODEL}'
            and panels.scenario_set_id = 'HIST_STRESS_20D'
        group by embeddings.entity_id, labels.scenario_name, labels.scenario_class, 3
        """
    )
    vectors = np.stack(scenarios["embedding"].to_list())
    print(f"\nVectors of HIST_STRESS_20D: {vectors.shape}, {vectors.dtype}")

    found = np.flatnonzero(scenarios["scenario_name"] == name)
    if not found.size:
        sys.exit(f"no scenario is called {name!r}")
    # v0 compares day by day, so the angle says more than the distance: by distance, the
    # calm windows, which are short vectors, are near to everything.
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    similarity = unit @ unit[found[0]]
    nearest = scenarios.assign(cosine=similarity).sort_values("cosine", ascending=False)
    nearest = nearest.head(SHOWN + 1)
    print_table(
        f"Nearest to {name}, by {MODEL}",
        pd.DataFrame(
            {
                "scenario": nearest["scenario_name"],
                "class": nearest["scenario_class"],
                "20-day return": nearest["market_return"].map("{:+.1%}".format),
                "cosine": nearest["cosine"].map("{:.2f}".format),
            }
        ),
    )


if __name__ == "__main__":
    choose_server()
    main(sys.argv[1] if len(sys.argv) > 1 else "Covid crash, March 2020")
