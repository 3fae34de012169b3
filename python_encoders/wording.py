"""How messages are worded."""


def counted(number: int, noun: str) -> str:
    """Give a number and a noun that agree: 1 scenario, 2 scenarios.

    Parameters
    ----------
    number : int
    noun : str
        In the singular. Its plural ends with an s.
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
