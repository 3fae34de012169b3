"""The workflow's command: ``python_encoders backfill`` under its own name."""

from python_encoders.cli import backfill, run

if __name__ == "__main__":
    run(backfill)
