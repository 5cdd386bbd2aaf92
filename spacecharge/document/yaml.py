"""Read YAML safely, keeping the line and column of every key and value.

The parser's events are turned into plain dicts, lists, texts and numbers here, so nothing in a file
can make an object or run code: tags are refused, keys must be unique texts, and size, depth and the
growth by aliases are bounded. Scalars follow the core schema of YAML 1.2: ``yes`` and ``1_000`` are
texts, ``010`` is ten, ``1e28`` is a number.
"""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError
from .problems import Position, Problems, shown

MAX_BYTES = 2_000_000
"""Largest file that is read [bytes]; a configuration is a few thousand."""

MAX_DEPTH = 40
"""Deepest nesting; a configuration needs six levels."""

MAX_NODES = 50_000
"""Most keys and values in a file with all aliases written out, so that aliases of aliases cannot fill
memory nor a long list of numbers stop the program for minutes (long lists belong in a CSV file)."""

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
_SHOWN_DEPTH = 8


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
        dotted = path if isinstance(path, str) else ".".join(str(part) for part in path)
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
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    builder = _Builder(path)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            builder.take(event)
    except _Refused:
        pass
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = " ".join(str(part) for part in (error.context, error.problem) if part)
        builder.problems.add("", f"is no YAML: {reason}", position=_position(mark) if mark else None)
    except (YAMLError, ValueError) as error:
        # Characters outside YAML's set; the reader states them by offset.
        offset = getattr(error, "position", None)
        at = text[:offset] if isinstance(offset, int) else ""
        position = (at.count("\n") + 1, offset - at.rfind("\n")) if isinstance(offset, int) else None
        reason = getattr(error, "reason", None) or str(error).splitlines()[0]
        builder.problems.add("", f"is no YAML: {reason}", position=position)
    builder.problems.raise_if_any()
    data = builder.root
    if data is None:
        raise ConfigError([f"{os.fspath(path)}: is empty"])
    if not isinstance(data, dict):
        raise ConfigError([f"{os.fspath(path)}:1:1: a mapping of keys is needed, got {shown(data)}"])
    return Document(path=os.fspath(path), text=text, data=data, locate=builder.locate)


def _position(mark: Any) -> Position:
    return mark.line + 1, mark.column + 1


class _Refused(Exception):
    """Stops reading: what follows would be unsafe or without meaning."""


class _Open:
    """A mapping or list whose end has not come yet."""

    __slots__ = ("anchor", "is_list", "key", "key_position", "path", "size", "value")

    def __init__(self, is_list: bool, path: str, anchor: str | None) -> None:
        self.value: Any = [] if is_list else {}
        self.is_list = is_list
        self.path = path
        self.anchor = anchor
        self.size = 1
        self.key: str | None = None
        self.key_position: Position | None = None

    def child(self) -> str:
        """Return the dotted path of the value that comes next."""
        name = str(len(self.value)) if self.is_list else self.key or ""
        return f"{self.path}.{name}" if self.path and name else self.path or name


class _Builder:
    """Build plain values from parser events."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.locate = Locator()
        self.problems = Problems(path, self.locate)
        self.root: Any = None
        self.open: list[_Open] = []
        self.anchors: dict[str, tuple[Any, int] | None] = {}
        self.n_nodes = 0
        self.n_documents = 0

    def take(self, event: Any) -> None:
        """Handle one event of ruamel.yaml's parser."""
        kind = type(event).__name__
        if kind == "DocumentStartEvent":
            self.n_documents += 1
            if self.n_documents > 1:
                self._refuse("a second document begins here (allowed: one)", event)
        elif kind == "AliasEvent":
            self._alias(event)
        elif kind == "ScalarEvent":
            self._check_node(event)
            self._scalar(event)
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            self._check_node(event)
            self._start(event, is_list=kind == "SequenceStartEvent")
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            done = self.open.pop()
            if done.anchor:
                self.anchors[done.anchor] = (done.value, done.size)
            if self.open:
                self.open[-1].size += done.size

    def _refuse(self, message: str, event: Any) -> None:
        path = self.open[-1].child() if 0 < len(self.open) <= _SHOWN_DEPTH else ""
        self.problems.add(path, message, position=_position(event.start_mark))
        raise _Refused

    def _count(self, n: int, event: Any) -> None:
        self.n_nodes += n
        if self.n_nodes > MAX_NODES:
            self._refuse(f"more values than a configuration may hold (allowed: {MAX_NODES})", event)

    def _awaits_key(self) -> bool:
        return bool(self.open) and not self.open[-1].is_list and self.open[-1].key is None

    def _check_node(self, event: Any) -> None:
        self._count(1, event)
        if event.tag is not None:
            path = self.open[-1].child() if self.open else ""
            tag = shown(str(event.tag), 80)[1:-1]
            self.problems.add(path, f"tags are not read, got {tag}", position=_position(event.start_mark))
        if event.anchor and event.anchor in self.anchors:
            self._refuse(f"the anchor &{event.anchor} stands twice", event)

    def _start(self, event: Any, is_list: bool) -> None:
        if self._awaits_key():
            self._refuse("a key must be a text, got a collection", event)
        if len(self.open) >= MAX_DEPTH:
            self._refuse(f"nested too deeply (allowed: {MAX_DEPTH} levels)", event)
        path = self.open[-1].child() if self.open else ""
        opened = _Open(is_list, path, event.anchor)
        if event.anchor:
            self.anchors[event.anchor] = None
        self._attach(opened.value, event, is_collection=True)
        self.open.append(opened)

    def _scalar(self, event: Any) -> None:
        text = str(event.value)
        unfit = _UNFIT.search(text)
        if unfit is not None:
            self._refuse(f"no text can hold the character {ascii(unfit[0])[1:-1]}", event)
        plain = bool(event.implicit[0]) and event.style in (None, "")
        value = _resolve(text) if plain else text
        if self._awaits_key():
            self._key(value, text, event)
        else:
            self._attach(value, event, is_collection=False)
        if event.anchor:
            self.anchors[event.anchor] = (value, 1)
        if self.open:
            self.open[-1].size += 1

    def _key(self, value: Any, text: str, event: Any) -> None:
        top = self.open[-1]
        position = _position(event.start_mark)
        if isinstance(value, (int, float)) and top.path.rpartition(".")[2] in NUMBERED:
            value = text
        if not isinstance(value, str):
            self.problems.add(top.path, f"a key must be a text, got {shown(text)}", position=position)
            value = text
        path = f"{top.path}.{value}" if top.path else value
        if value == "<<":
            self.problems.add(top.path, "merge keys (<<) are not read: write the keys out", position=position)
        elif value in top.value:
            first = self.locate.keys.get(path, position)
            self.problems.add(path, f"the key stands twice (first in line {first[0]})", position=position)
        top.key = value
        top.key_position = position

    def _alias(self, event: Any) -> None:
        name = event.anchor
        if name not in self.anchors:
            self._refuse(f"the alias *{name} has no anchor before it", event)
        entry = self.anchors[name]
        if entry is None:
            self._refuse(f"the alias *{name} stands inside its own anchor", event)
            return
        value, size = entry
        self._count(size, event)
        if self._awaits_key():
            self._key(value, str(value), event)
        else:
            self._attach(value, event, is_collection=False)
        if self.open:
            self.open[-1].size += size

    def _attach(self, value: Any, event: Any, is_collection: bool) -> None:
        position = _position(event.start_mark)
        if not self.open:
            self.root = value
            return
        top = self.open[-1]
        path = top.child()
        if top.is_list:
            self.locate.values[path] = position
            top.value.append(value)
            return
        if path not in self.locate.keys and top.key_position is not None:
            self.locate.keys[path] = top.key_position
            if not is_collection or event.flow_style:
                self.locate.values[path] = position
        top.value[top.key] = value
        top.key = top.key_position = None


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
    "MAX_DEPTH",
    "MAX_NODES",
    "Document",
    "Locator",
    "Position",
    "Problems",
    "parse_document",
    "read_document",
    "read_yaml",
]
