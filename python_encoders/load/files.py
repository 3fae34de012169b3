"""Read files into frames, by pandas and pyarrow."""

import csv
import gzip
import re
from bisect import bisect_right
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pandas.api.types import is_bool_dtype, is_numeric_dtype, union_categoricals

from python_encoders.errors import WrongUsageError

# Cells that hold no number and are no mistake either.
_NO_NUMBER = [
    "",
    "NA",
    "N/A",
    "n/a",
    "#N/A",
    "NaN",
    "nan",
    "null",
    "NULL",
    "None",
    "-",
    ".",
]
_ENCODINGS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
# The nearest double, as the other formats hold it. From pandas 3.1 on it is the default,
# and the option is deprecated.
_IS_OLD = tuple(map(int, pd.__version__.split(".")[:2])) < (3, 1)
_EXACT: dict[str, Any] = {"float_precision": "round_trip"} if _IS_OLD else {}
_SUFFIXES = {".parquet": "parquet", ".pq": "parquet", ".xlsx": "xlsx"}


class Places(NamedTuple):
    """Where the rows of a frame stand: row numbers count on from file to file."""

    paths: tuple[Path, ...]
    offsets: tuple[int, ...]

    def describe(self, row: int, column: str) -> str:
        """Name the file, its row (a CSV's line) and its column."""
        file = bisect_right(self.offsets, row) - 1
        return f"{self.paths[file].name}, row {row - self.offsets[file]}, column {column!r}"


class _Text(NamedTuple):
    """How a CSV is written: the numbers of its comments and empty lines, from 0."""

    encoding: str
    delimiter: str
    num_lines: int
    skipped: list[int]


def read_header(path: Path) -> list[str]:
    """Read the names of a file's columns.

    Raises
    ------
    WrongUsageError
        The file is empty, unreadable or has a column twice.
    """
    names = _header(path)
    if twice := {name for name in names if names.count(name) > 1}:
        raise WrongUsageError(f"{path.name} has column {min(twice)!r} more than once")
    return names


def _header(path: Path) -> list[str]:
    try:
        if _kind(path) == "parquet":
            return list(pq.read_schema(path).names)
        if _kind(path) == "xlsx":
            first = _read_xlsx(path, header=None, nrows=1, dtype=str)
            return [str(name) for name in first.iloc[0]]
        text = _look_at(path)
        skipped = set(text.skipped)
        with _open(path, text.encoding) as file:
            lines = (line for at, line in enumerate(file) if at not in skipped)
            return next(csv.reader(lines, delimiter=text.delimiter))
    except (ValueError, OSError, StopIteration, IndexError) as error:
        reason = str(error) or "it is empty"
        raise WrongUsageError(f"cannot read {path}: {reason}") from error


def read_files(
    paths: tuple[Path, ...], texts: list[str], numbers: list[str]
) -> tuple[pd.DataFrame, Places]:
    """Read columns of files, one below the other.

    Parameters
    ----------
    paths : tuple of Path
        CSV (also with gzip), Parquet or XLSX (its first sheet).
    texts, numbers : list of str
        The columns that hold ids, and those that hold values.

    Returns
    -------
    frame : DataFrame
        Ids as category, values as float64 (NaN where missing). The index is the row,
        from 1, as the file counts it, plus the offset of the file.
    places : Places

    Raises
    ------
    WrongUsageError
        A file cannot be read, or a value is no number: names file, row and column.
    """
    frames, offsets, offset = [], [], 0
    for path in paths:
        frame = _read(path, texts, numbers)
        for column in numbers:
            _check_numbers(frame[column], Places((path,), (0,)))
        last = int(frame.index[-1]) if len(frame) else 0
        frame.index = frame.index + offset
        frames.append(frame.astype(dict.fromkeys(numbers, float)))
        offsets.append(offset)
        offset += last + 1
    # Arrow's pool keeps the memory of what was read: 450 MB for ten million cells.
    pa.default_memory_pool().release_unused()
    places = Places(paths, tuple(offsets))
    return (frames[0] if len(frames) == 1 else _concat(frames, texts)), places


def _read(path: Path, texts: list[str], numbers: list[str]) -> pd.DataFrame:
    try:
        if _kind(path) == "parquet":
            return _read_parquet(path, texts, numbers)
        if _kind(path) == "xlsx":
            frame = _read_xlsx(path, dtype=dict.fromkeys(texts, str))[texts + numbers]
            frame.index = frame.index + 2
            return frame.astype(dict.fromkeys(texts, "category"))
        return _read_csv(path, texts, numbers)
    except (ValueError, OSError) as error:
        raise WrongUsageError(f"cannot read {path}: {error}") from error


def _concat(frames: list[pd.DataFrame], texts: list[str]) -> pd.DataFrame:
    whole = pd.concat([frame.drop(columns=texts) for frame in frames])
    for column in texts:
        whole[column] = union_categoricals([frame[column] for frame in frames])
    return whole


def _check_numbers(column: pd.Series, places: Places) -> None:
    """Refuse what is no number, or an infinite one."""
    if is_numeric_dtype(column) and not is_bool_dtype(column):
        wrong = np.isinf(column.to_numpy(float, na_value=np.nan))
    elif is_bool_dtype(column):
        wrong = np.full(len(column), True)
    else:
        read = pd.to_numeric(column, errors="coerce")
        wrong = ((read.isna() & column.notna()) | np.isinf(read)).to_numpy()
    if wrong.any():
        row = int(column.index[int(wrong.argmax())])
        raise WrongUsageError(
            f"{places.describe(row, str(column.name))} holds "
            f"{str(column[row])!r}, which is no number"
        )


def _kind(path: Path) -> str:
    return _SUFFIXES.get(path.suffix.lower(), "csv")


def _read_parquet(path: Path, texts: list[str], numbers: list[str]) -> pd.DataFrame:
    # Ids as dictionaries: a text a row would take more memory than the file's values.
    table = pq.read_table(path, columns=texts + numbers, read_dictionary=texts)
    frame = table.to_pandas(split_blocks=True, self_destruct=True)
    del table
    frame = frame.reset_index(drop=True)
    frame.index = frame.index + 1
    for column in texts:
        frame[column] = frame[column].astype("category")
        labels = [str(label) for label in frame[column].cat.categories]
        frame[column] = frame[column].cat.rename_categories(labels)
    return cast(pd.DataFrame, frame)


def _read_xlsx(path: Path, **arguments: object) -> pd.DataFrame:
    try:
        return cast(
            pd.DataFrame,
            pd.read_excel(  # type: ignore[call-overload]
                path,
                engine="calamine",
                keep_default_na=False,
                na_values=_NO_NUMBER,
                **arguments,
            ),
        )
    except ImportError as error:
        raise WrongUsageError(
            f"{path.name}: XLSX needs python-calamine: pip install -e '.[xlsx]'"
        ) from error


def _read_csv(path: Path, texts: list[str], numbers: list[str]) -> pd.DataFrame:
    text = _look_at(path)

    def read(decimal: str) -> pd.DataFrame:
        with _open(path, text.encoding) as file:
            frame: pd.DataFrame = pd.read_csv(
                file,
                sep=text.delimiter,
                decimal=decimal,
                skiprows=text.skipped,
                skip_blank_lines=False,
                usecols=texts + numbers,
                dtype=dict.fromkeys(texts, str),
                keep_default_na=False,
                na_values=dict.fromkeys(numbers, _NO_NUMBER)
                | {name: [""] for name in texts},
                **_EXACT,
                low_memory=False,
                index_col=False,
            )
            return frame

    frame = read(".")
    if text.delimiter != "," and any(_has_decimal_comma(frame[name]) for name in numbers):
        frame = read(",")
    lines = np.delete(np.arange(1, text.num_lines + 1), text.skipped)
    # A field with a line break makes fewer rows than lines.
    frame.index = pd.Index(lines[1 : len(frame) + 1])
    return frame.astype(dict.fromkeys(texts, "category"))


def _has_decimal_comma(column: pd.Series) -> bool:
    if is_numeric_dtype(column):
        return False
    return bool(column.astype(str).str.fullmatch(r"[+-]?\d*,\d+([eE][+-]?\d+)?").any())


def _open(path: Path, encoding: str) -> IO[str]:
    with path.open("rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
    opened = gzip.open if is_gzip else open
    return cast(IO[str], opened(path, "rt", encoding=encoding, newline=""))


def _look_at(path: Path) -> _Text:
    """Find out how a CSV is written. UTF-8 unless it says otherwise, else Windows' own."""
    with _open(path, "latin-1") as file:
        start = file.read(4).encode("latin-1")
    marked = [name for mark, name in _ENCODINGS.items() if start.startswith(mark)]
    for encoding in marked or ["utf-8", "cp1252"]:
        try:
            return _scan(path, encoding)
        except UnicodeDecodeError:
            continue
    raise ValueError("its letters are in no encoding that is known: UTF-8, UTF-16, cp1252")


def _scan(path: Path, encoding: str) -> _Text:
    header, skipped, at = "", [], -1
    with _open(path, encoding) as file:
        for at, line in enumerate(file):
            if line[0] in "#\r\n" or not line.strip():
                skipped.append(at)
            elif not header:
                header = line
    unquoted = re.sub(r'"[^"]*"', "", header)
    delimiter = max(",;\t|", key=unquoted.count)
    return _Text(encoding, delimiter, at + 1, skipped)
