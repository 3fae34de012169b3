"""How a program reads the vectors, and what has none.

Run it after a backfill of its model::

    scenario-embeddings backfill --model-id all
    python examples/read_vectors.py
"""

from python_encoders.encoders import DIMENSION
from python_encoders.postgres import choose_server, connect, fetch, relation

MODEL = "num-scenario-stress-shape-v2"


def main() -> None:
    """Read one model's vectors into numpy, and the rejections with their reasons."""
    with connect() as connection:
        stored = fetch(
            connection,
            f"""
            select entity_id, as_of_date, embedding
            from {relation("numeric_window_embeddings")}
            where entity_type = 'SCENARIO' and model_id = $1
            order by entity_id collate "C"
            """,
            [MODEL],
        )
        rejections = fetch(
            connection,
            f"""
            select * from {relation("scenario_rejections")}
            order by scenario_set_id collate "C", scenario_id collate "C"
            """,
            [],
        )
    cells = stored["embedding"].combine_chunks().flatten()
    vectors = cells.to_numpy().reshape(-1, DIMENSION)
    print(f"{MODEL}: {vectors.shape}, {vectors.dtype}")
    for row in rejections.to_pylist():
        print("rejected: {scenario_set_id}:{scenario_id}, {reason}, {detail}".format(**row))


if __name__ == "__main__":
    choose_server()
    main()
