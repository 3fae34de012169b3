"""The workflow's command: ``python_encoders backfill`` under its own name."""

from python_encoders.cli import backfill

if __name__ == "__main__":
    backfill(prog_name="python -m prometheus.scripts.backfill_numeric_scenario_embeddings")
