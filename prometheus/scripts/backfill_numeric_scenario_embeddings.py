"""The workflow's command: ``python_encoders backfill`` under its own name."""

from python_encoders.__main__ import main

if __name__ == "__main__":
    main("backfill")
