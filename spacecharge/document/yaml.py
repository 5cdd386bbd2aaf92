"""Read YAML safely, keeping the line and column of every key and value.

The nodes that ruamel.yaml composes (see `compose`) are turned into plain dicts, lists, texts and numbers here, so
nothing in a file can make an object or run code: tags are refused, keys must be unique texts, and size, depth and
the growth by aliases are bounded. Scalars follow the core schema of YAML 1.2: ``yes`` and ``1_000`` are
texts, ``010`` is ten, ``1e28`` is a number.
"""

from __future__ import annotations

import io
import math
import os
import re
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError
from .bounds import MAX_NODES, Alias, Refused, refused_size
from .problems import Position, Problems, dotted_path, shown

MAX_BYTES = 2_000_000
"""Largest file that is read [bytes]; a configuration is a few thousand."""

NUMBERED = ("charge_states", "states")
"""Mappings whose keys are numbers, kept as the texts that stand in the file: charge states of a defect."""

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+\Z")
_BASED = re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_INF = re.compile(r"[-+]?\.(inf|Inf|INF)\Z")
_NAN = frozenset({".nan", ".NaN", ".NAN"})
_UNFIT = re.compile("[\x00\ud800-\udfff]")
"""What neither a file name, nor an attribute in HDF5, nor a text in UTF-8 can hold: the zero byte, half characters."""

_EXACT_DIGITS = 18
MERGE = "<<"


class Locator:
    """Positions of a file's keys and values by dotted path; call it with a path."""

    def __init__(self) -> None:
        self.keys: dict[str, Position] = {}
        self.values: dict[str, Position] = {}

    def __call__(self, path: str | tuple[str | int, ...], key: bool = False) -> Position | None:
        """Return where `path` stands.

        Parameters
        ----------
        path : str or tuple
            ``layers.electrode.occupancy``; list items by number, ``sweep.temperature_K.1``.
        key : bool
            Position of the key instead of the value.

        Returns
        -------
        (line, column) or None
            Counted from 1. A path that the file does not hold gives its nearest parent's key; None
            where there is no parent either.
        """
        dotted = dotted_path(path)
        tables = (self.keys, self.values) if key else (self.values, self.keys)
        for table in tables:
            if dotted in table:
                return table[dotted]
        while "." in dotted:
            dotted = dotted.rpartition(".")[0]
            for table in (self.keys, self.values):
                if dotted in table:
                    return table[dotted]
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file that was read.

    Parameters
    ----------
    path : str
        The file as the user named it.
    text : str
        Its text, verbatim.
    data : dict
        Plain dicts, lists, texts, numbers, booleans, None.
    locate : Locator
        Position of every dotted path.
    """

    path: str
    text: str
    data: dict[str, Any]
    locate: Locator

    def problems(self) -> Problems:
        """Return an empty collector for the errors of this file."""
        return Problems(self.path, self.locate)


def read_yaml(path: str | os.PathLike[str]) -> tuple[dict[str, Any], Locator]:
    """Read a YAML file whose top level is a mapping.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    data : dict
        Plain Python values.
    locate : Locator
        ``locate(dotted_path) -> (line, column)``, counted from 1.

    Raises
    ------
    ConfigError
        The file cannot be read or is no safe YAML; one line per problem.
    """
    document = read_document(path)
    return document.data, document.locate


def read_document(path: str | os.PathLike[str]) -> Document:
    """Read a YAML file and keep its text; see :func:`read_yaml`.

    Raises
    ------
    ConfigError
        The file cannot be read or is no safe YAML; one line per problem.
    """
    return parse_document(_read_text(path), path)


def beside(path: str, name: str) -> str:
    """Return the path of a file that the document at `path` names: relative to its folder, ``~`` for the user's own."""
    return os.path.join(os.path.dirname(path), os.path.expanduser(name))


def _read_text(path: str | os.PathLike[str]) -> str:
    """Return the text of a file; refuses what is no text or too large without reading all of it."""
    name = os.fspath(path)
    try:
        with open(path, "rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError([f"{name}: no such file"]) from None
    except IsADirectoryError:
        raise ConfigError([f"{name}: is a directory, a YAML file is needed"]) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError([f"{shown(name, 200)[1:-1]}: cannot be read: {reason}"]) from None
    if len(raw) > MAX_BYTES:
        raise ConfigError([f"{name}: is too large (allowed: {MAX_BYTES / 1e6:g} MB)"])
    if b"\0" in raw:
        line = raw.count(b"\n", 0, raw.index(b"\0")) + 1
        raise ConfigError([f"{name}:{line}:1: is no text: it holds a zero byte"])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        head = raw[: error.start]
        line, column = head.count(b"\n") + 1, error.start - (head.rfind(b"\n") + 1) + 1
        raise ConfigError([f"{name}:{line}:{column}: is no UTF-8 text (byte {raw[error.start]:#04x})"]) from None


def parse_document(text: str, path: str | os.PathLike[str] = "<text>") -> Document:
    """Parse YAML text; see :func:`read_yaml`.

    Parameters
    ----------
    text : str
        YAML, its top level a mapping.
    path : str or path
        Name for messages.

    Returns
    -------
    Document
        Data and positions.

    Raises
    ------
    ConfigError
        The text is no safe YAML; one line per problem.
    """
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    from .compose import root_of

    locate = Locator()
    problems = Problems(path, locate)
    data: Any = None
    try:
        root, tags = root_of(text)
        data = None if root is None else _Reader(locate, problems, tags).value(root, "")
    except Refused as refused:
        problems.add(refused.path, refused.message, position=_position(refused.mark))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = " ".join(str(part) for part in (error.context, error.problem) if part)
        problems.add("", f"is no YAML: {reason}", position=_position(mark) if mark else None)
    except (YAMLError, ValueError) as error:
        # Characters outside YAML's set; the reader states them by offset.
        offset = getattr(error, "position", None)
        at = text[:offset] if isinstance(offset, int) else ""
        position = (at.count("\n") + 1, offset - at.rfind("\n")) if isinstance(offset, int) else None
        reason = getattr(error, "reason", None) or str(error).splitlines()[0]
        problems.add("", f"is no YAML: {reason}", position=position)
    problems.raise_if_any()
    if data is None:
        raise ConfigError([f"{os.fspath(path)}: is empty"])
    if not isinstance(data, dict):
        raise ConfigError([f"{os.fspath(path)}:1:1: a mapping of keys is needed, got {shown(data)}"])
    return Document(path=os.fspath(path), text=text, data=data, locate=locate)


def as_yaml(data: Mapping[str, Any]) -> str:
    """Return nested mappings and lists as YAML text.

    Parameters
    ----------
    data : mapping
        Texts, numbers and switches in mappings and sequences; NumPy arrays and numbers, pandas Series and paths count
        as the lists, numbers and texts that they stand for.

    Returns
    -------
    str
        YAML that :func:`parse_document` reads back.

    Raises
    ------
    ConfigError
        Something in it is neither of these.
    """
    from ruamel.yaml import YAML

    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # ruamel declares it None
    stream = io.StringIO()
    writer.dump(_plain(data, ""), stream)
    return stream.getvalue()


def _plain(value: Any, path: str) -> Any:
    """Return a value as plain Python; arrays and Series become lists, NumPy's numbers plain ones."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _plain(inner, f"{path}.{key}" if path else str(key)) for key, inner in value.items()}
    if isinstance(value, (list, tuple, range)):
        return [_plain(inner, f"{path}.{i}") for i, inner in enumerate(value)]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise ConfigError([f"<mapping>: {path}: numbers, texts, lists and mappings are read, got {shown(value)}"])


def _position(mark: Any) -> Position:
    return mark.line + 1, mark.column + 1


class _Reader:
    """Makes plain values of nodes, noting where each stands."""

    def __init__(self, locate: Locator, problems: Problems, tags: dict[int, str]) -> None:
        self.locate = locate
        self.problems = problems
        self.tags = tags
        self.inside: set[int] = set()
        self.sizes: dict[int, int] = {}
        self.n_nodes = 0

    def value(self, node: Any, path: str) -> Any:
        """Return the plain value of a node; an alias is read again at every place where it stands."""
        if isinstance(node, Alias):
            if id(node.target) in self.inside:
                raise Refused(path, f"the alias *{node.anchor} stands inside its own anchor", node.start_mark)
            if self.n_nodes + self.sizes[id(node.target)] > MAX_NODES:
                raise refused_size(path, node.start_mark)
            return self.value(node.target, path)
        before = self.n_nodes
        self.n_nodes += 1
        if id(node) in self.tags:
            message = f"tags are not read, got {shown(self.tags[id(node)], 80)[1:-1]}"
            self.problems.add(path, message, position=_position(node.start_mark))
        if node.id == "scalar":
            self.sizes[id(node)] = 1
            self._check_text(node, path)
            plain = node.style in (None, "")
            return _resolve(str(node.value)) if plain else str(node.value)
        self.inside.add(id(node))
        read = self._items(node, path) if node.id == "sequence" else self._mapping(node, path)
        self.inside.discard(id(node))
        self.sizes[id(node)] = self.n_nodes - before
        return read

    def _check_text(self, node: Any, path: str) -> None:
        unfit = _UNFIT.search(str(node.value))
        if unfit is not None:
            raise Refused(path, f"no text can hold the character {ascii(unfit[0])[1:-1]}", node.start_mark)

    def _items(self, node: Any, path: str) -> list[Any]:
        items = []
        for i, item in enumerate(node.value):
            inner = f"{path}.{i}" if path else str(i)
            self.locate.values[inner] = _position(item.start_mark)
            items.append(self.value(item, inner))
        return items

    def _mapping(self, node: Any, path: str) -> dict[str, Any]:
        """Return a mapping; keys of its own win over those that a merge key brings in."""
        read: dict[str, Any] = {}
        merged: list[Any] = []
        for key_node, value_node in node.value:
            key = self._key(key_node, path)
            inner = f"{path}.{key}" if path else key
            position = _position(key_node.start_mark)
            if key == MERGE:
                merged += self._merged(value_node, path)
                continue
            if key in read:
                first = self.locate.keys.get(inner, position)
                self.problems.add(inner, f"the key stands twice (first in line {first[0]})", position=position)
            elif inner not in self.locate.keys:
                self.locate.keys[inner] = position
                if isinstance(value_node, Alias) or value_node.id == "scalar" or value_node.flow_style:
                    self.locate.values[inner] = _position(value_node.start_mark)
            read[key] = self.value(value_node, inner)
        for other in merged:
            # Of several merged mappings the first one wins, as YAML's merge key has it.
            pairs = [pair for pair in other.value if self._key(pair[0], path) not in read]
            self.n_nodes += 1
            if pairs:
                part = copy(other)
                part.value = pairs
                read |= self._mapping(part, path)
        return read

    def _merged(self, node: Any, path: str) -> list[Any]:
        """Return the mappings that a merge key names."""
        outer = node.target if isinstance(node, Alias) else node
        found = []
        for part in outer.value if outer.id == "sequence" else [node]:
            target = part.target if isinstance(part, Alias) else part
            if target.id != "mapping" or id(target) in self.inside:
                raise Refused(path, "a merge key (<<) needs mappings, by alias or written out", part.start_mark)
            found.append(target)
        return found

    def _key(self, node: Any, path: str) -> str:
        """Return a key; one that is no text is reported."""
        if isinstance(node, Alias):
            return self._key(node.target, path)
        if node.id != "scalar":
            raise Refused(path, "a key must be a text, got a collection", node.start_mark)
        self._check_text(node, path)
        text = str(node.value)
        value = _resolve(text) if node.style in (None, "") else text
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not isinstance(value, str) and not (is_number and path.rpartition(".")[2] in NUMBERED):
            message = f"a key must be a text, got {shown(text)}"
            self.problems.add(path, message, position=_position(node.start_mark))
        return text


def _resolve(text: str) -> Any:
    """Return the value of a plain scalar by the core schema of YAML 1.2."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.match(text):
        return int(text) if len(text) <= _EXACT_DIGITS else float(text)
    if _FLOAT.match(text):
        return float(text)
    if _BASED.match(text) and len(text) <= _EXACT_DIGITS:
        return int(text, 0)
    if _INF.match(text):
        return -math.inf if text.startswith("-") else math.inf
    if text in _NAN:
        return math.nan
    return text


__all__ = [
    "MAX_BYTES",
    "Document",
    "Locator",
    "as_yaml",
    "beside",
    "parse_document",
    "read_document",
    "read_yaml",
]
