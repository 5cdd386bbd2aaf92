"""From YAML text to ruamel.yaml's nodes, bounded in size and depth while they are made."""

from __future__ import annotations

from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.events import AliasEvent, CollectionStartEvent, StreamEndEvent

from .bounds import MAX_DEPTH, MAX_NODES, Alias, Refused, refused_size

SHOWN_DEPTH = 8
"""Deepest place whose path a message writes out."""


class BoundedComposer(Composer):
    """ruamel.yaml's composer with limits, one meaning an anchor, and a note of every tag."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader=loader)
        self.n_nodes = 0
        self.trail: list[str] = []
        self.tags: dict[int, str] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Return the next node of the text, which stands at `index` of `parent`."""
        event = self.parser.peek_event()
        self.trail.append(str(getattr(index, "value", index)) if index is not None else "")
        self.n_nodes += 1
        if self.n_nodes > MAX_NODES:
            raise refused_size(self._path(), event.start_mark)
        if isinstance(event, AliasEvent):
            if event.anchor not in self.anchors:
                raise self._refused(f"the alias *{event.anchor} has no anchor before it", event)
        else:
            if event.anchor is not None and event.anchor in self.anchors:
                raise self._refused(f"the anchor &{event.anchor} stands twice", event)
            if isinstance(event, CollectionStartEvent) and len(self.trail) > MAX_DEPTH:
                raise self._refused(f"nested too deeply (allowed: {MAX_DEPTH} levels)", event)
        node = super().compose_node(parent, index)
        if not isinstance(event, AliasEvent) and event.tag is not None:
            self.tags[id(node)] = str(event.tag)
        self.trail.pop()
        return Alias(node, event.anchor, event.start_mark) if isinstance(event, AliasEvent) else node

    def _path(self) -> str:
        return ".".join(part for part in self.trail if part) if len(self.trail) <= SHOWN_DEPTH else ""

    def _refused(self, message: str, event: Any) -> Refused:
        return Refused(self._path(), message, event.start_mark)


def root_of(text: str) -> tuple[Any, dict[int, str]]:
    """Return the root node of a text, None if it is empty, and the tags by the identity of their nodes.

    Raises
    ------
    Refused
        The text is larger or deeper than allowed, or has a second document.
    ruamel.yaml.error.YAMLError
        The text is no YAML.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = BoundedComposer
    _, parser = yaml.get_constructor_parser(text)
    composer = yaml.composer
    try:
        if not composer.check_node():
            return None, {}
        root = composer.get_node()
        if not parser.check_event(StreamEndEvent):
            raise Refused("", "a second document begins here (allowed: one)", parser.peek_event().start_mark)
        return root, composer.tags
    finally:
        parser.dispose()


__all__ = ["BoundedComposer", "root_of"]
