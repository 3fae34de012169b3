"""The way in of every command: ``python -m python_encoders``, ``scenario-embeddings``.

Imports take half a second, and some libraries lose a Ctrl-C that meets them amid an import.
So this module imports nothing large before it has taken care of that.
"""

import os
import signal


def _leave(*_: object) -> None:
    # Nothing has been done yet that would need an orderly end.
    os.write(2, b"Error: interrupted\n")
    os._exit(130)


def main(command: str = "cli") -> None:
    """Import the command line and run one of its commands.

    Parameters
    ----------
    command : str
        Its name in ``python_encoders.cli``.
    """
    # Who has Ctrl-C ignored goes on ignoring it.
    is_default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_default:
        signal.signal(signal.SIGINT, _leave)
    from python_encoders import cli

    if is_default:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    cli.run(getattr(cli, command))


if __name__ == "__main__":
    main()
