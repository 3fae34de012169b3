"""Execute a notebook. ``make notebook`` writes its outputs anew, a test compares them."""

import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

# A kernel behind sockets of the file system, so that no port is taken or open to others.
LOCAL = Config({"KernelManager": {"transport": "ipc"}})


def executed(path: Path) -> Any:
    """Run the cells of a notebook in a kernel of this Python. Give it with fresh outputs.

    Nothing in it says when, where or by which Python it was run.
    """
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    metadata = dict(notebook.metadata)
    NotebookClient(notebook, timeout=120, record_timing=False, config=LOCAL).execute()
    notebook.metadata = nbformat.from_dict(metadata)  # type: ignore[no-untyped-call]
    return notebook


if __name__ == "__main__":
    for name in sys.argv[1:]:
        nbformat.write(executed(Path(name)), name)  # type: ignore[no-untyped-call]
