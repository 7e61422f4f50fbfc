"""Data types of W&B: they are made and read back as scripts do, and a few words of each go to the run's text.

What they hold is not kept: hypertop records numbers and text. Tables and artifacts hold their rows and file
names in memory, because scripts read them again.
"""

import os
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from ._quiet import Inert, inert_class, once


class Media:
    """Anything that is no number; `words` says what it is."""

    def words(self) -> str:
        return type(self).__name__


class Histogram(Media):
    def __init__(self, sequence: Any = None, np_histogram: Any = None, num_bins: int = 64) -> None:
        self.histogram: List[Any] = []
        self.bins: List[Any] = []
        if np_histogram is not None:
            self.histogram, self.bins = list(np_histogram[0]), list(np_histogram[1])
            self._span = (self.bins[0], self.bins[-1], sum(self.histogram))
        else:
            values = [float(v) for v in _flat(sequence)]
            self._span = (min(values), max(values), len(values)) if values else (0, 0, 0)

    def words(self) -> str:
        low, high, count = self._span
        return f"{count} values from {low:.6g} to {high:.6g}"


def _flat(values: Any) -> Iterator[Any]:
    if hasattr(values, "tolist"):
        values = values.tolist()
    if isinstance(values, (list, tuple)):
        for v in values:
            yield from _flat(v)
    elif values is not None:
        yield values


class Table(Media):
    """Rows in memory."""

    def __init__(
        self, columns: Optional[Sequence[Any]] = None, data: Any = None, rows: Any = None, dataframe: Any = None, **_: Any
    ) -> None:
        if dataframe is not None:
            columns, data = list(dataframe.columns), dataframe.values.tolist()
        data = data if data is not None else rows
        if hasattr(data, "tolist"):
            data = data.tolist()
        self.columns: List[Any] = list(columns) if columns is not None else ["Input", "Output", "Expected"]
        self.data: List[List[Any]] = [list(r) for r in data or []]

    def add_data(self, *row: Any) -> None:
        if len(row) != len(self.columns):
            raise ValueError(f"This table expects {len(self.columns)} columns: {self.columns}, found {len(row)}")
        self.data.append(list(row))

    add_row = add_data

    def add_column(self, name: str, data: Any, optional: bool = False) -> None:
        values = list(data)
        if not self.columns or not self.data:
            self.data = [[] for _ in values]
        self.columns.append(name)
        for row, value in zip(self.data, values):
            row.append(value)

    def get_column(self, name: str, convert_to: Optional[str] = None) -> List[Any]:
        at = self.columns.index(name)
        return [row[at] for row in self.data]

    def iterrows(self) -> Iterator[Tuple[int, List[Any]]]:
        return iter(enumerate(self.data))

    def get_dataframe(self) -> Any:
        import pandas  # type: ignore[import-not-found,import-untyped,unused-ignore]

        return pandas.DataFrame(self.data, columns=self.columns)

    def words(self) -> str:
        return f"{len(self.data)} rows of {', '.join(map(str, self.columns))}"


class _Held(Media):
    """Keeps what it was made of, for scripts that look."""

    def __init__(self, data_or_path: Any = None, *args: Any, caption: Any = None, **named: Any) -> None:
        self.data = data_or_path
        self.caption = caption

    def words(self) -> str:
        kind = type(self).__name__
        path = self.data if isinstance(self.data, str) and len(self.data) < 200 else ""
        return " ".join(str(w) for w in (kind, path, self.caption or "") if w)


class Image(_Held):
    pass


class Audio(_Held):
    pass


class Video(_Held):
    pass


class Html(_Held):
    pass


class Object3D(_Held):
    pass


class Molecule(_Held):
    pass


class Plotly(_Held):
    pass


class Artifact:
    """Names of files under a name; nothing is uploaded."""

    def __init__(self, name: str, type: str, description: Optional[str] = None, metadata: Any = None, **_: Any) -> None:
        self.name = name
        self.type = type
        self.description = description
        self.metadata: Dict[str, Any] = dict(metadata or {})
        self.files: List[str] = []
        self.aliases: List[str] = []
        self.version = "v0"

    @property
    def id(self) -> str:
        return self.name

    def add_file(self, local_path: Any, name: Optional[str] = None, **_: Any) -> Any:
        path = os.fspath(local_path)
        if not os.path.isfile(path):
            raise ValueError(f"Path is not a file: {path!r}")
        self.files.append(os.path.abspath(path))
        return Inert()

    def add_dir(self, local_path: Any, name: Optional[str] = None, **_: Any) -> None:
        for folder, _folders, files in os.walk(os.fspath(local_path)):
            self.files += [os.path.abspath(os.path.join(folder, f)) for f in files]

    def add_reference(self, uri: Any, name: Optional[str] = None, **_: Any) -> List[Any]:
        self.files.append(str(uri))
        return []

    def add(self, obj: Any, name: str, **_: Any) -> Any:
        return Inert()

    def new_file(self, name: str, mode: str = "w", encoding: Optional[str] = None) -> Any:
        from . import run

        folder = os.path.join(run.dir if run is not None else ".", "artifacts", self.name)
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.files.append(os.path.abspath(path))
        return open(path, mode, encoding=encoding)

    def wait(self, timeout: Optional[int] = None) -> "Artifact":
        return self

    def save(self, *_: Any, **__: Any) -> None:
        pass

    def download(self, root: Any = None, *_: Any, **__: Any) -> str:
        """The folder that the files lie in already."""
        once("Artifact.download: nothing is fetched; the files stay where they are")
        return os.path.dirname(self.files[0]) if self.files else os.fspath(root or ".")

    def __repr__(self) -> str:
        return f"<Artifact {self.name}>"


Graph = inert_class("Graph")
Classes = inert_class("Classes")
JoinedTable = inert_class("JoinedTable")
