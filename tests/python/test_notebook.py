"""The notebook in ``examples`` runs, and shows what the shipped sets give today."""

import re

import nbformat
from conftest import Silent
from notebook import executed

from python_encoders.dbt_project import PROJECT_DIR
from python_encoders.encoders import ENCODERS
from python_encoders.pipeline import encode_only
from python_encoders.scope import Scope

PATH = PROJECT_DIR / "examples" / "desk_questions.ipynb"


def texts(notebook):
    """Give what each cell printed and showed as text. A picture counts as one line."""
    return [
        (cell.source, output.get("text"), key, text if key.startswith("text/") else None)
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        for key, text in sorted(output.get("data", {"": ""}).items())
    ]


def test_the_notebook_shows_what_a_fresh_run_gives(built):
    encode_only(Scope(tuple(ENCODERS)), Silent())
    stored = nbformat.read(PATH, as_version=4)

    fresh = executed(PATH)

    assert texts(stored) == texts(fresh)
    assert sum(key == "image/png" for _, _, key, _ in texts(stored)) == 4
    # No warning, no path of a machine, no moment of a run.
    kept = re.sub(r'"image/png": "[^"]*"', "", PATH.read_text(encoding="utf-8"))
    assert not re.search(r'"stderr"|/\w+/\w+/|"execution":|\d\d:\d\d:\d\d', kept)
