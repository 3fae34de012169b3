"""``python -m python_encoders``: the command-line front."""

from python_encoders.cli import main

main()
