"""Broken configurations, made from the shipped ones by the slips and tricks that files of others show."""

from __future__ import annotations

import random
import re

VALUES = (
    '', '~', 'null', '5', '-1', '0', '1e400', '-.inf', '.nan', '1e-320', "9" * 30, 'true', 'text', "''",
    '"."', '".."', '"a/b"', '"/"', '"\\e[31m"', '"\\u202e"', '"日本"', '[]', '{}', '[1, 2]', '[[1], {a: b}]',
    '{a: 1}', '{start: 1, stop: 2, num: 3}', '{start: 1, stop: 2, num: 10000000000}',
    '{start: 0, stop: 1, step: 1e-12}', '{value: 1}', '{from_fit: nowhere.h5, parameter: x}', '[a, b]',
    '[1, a]', '[null]', '&x [1]', '*nowhere', '!!python/object:os.system x', '2024-01-01', '0x10', '1_000',
    "x" * 5000, '"~/nowhere"', '"~nobody/x"', '0o17', '1:30', '[true, false]', '{null: 1}', '{? [a] : b}',
    '{fixed: 1, initial: 2}', '- 1', '| \n  text',
)  # fmt: skip
_LINE = re.compile(r"^(\s*)([\w.]+):(.*)$")


def yaml_mutant(text: str, rng: random.Random) -> str:
    """Return a configuration with one to three things changed."""
    lines = text.splitlines()
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        change = rng.choice(CHANGES)
        lines = change(lines, rng) or [""]
    return "\n".join(lines) + "\n"


def _keys(lines: list[str]) -> list[int]:
    return [k for k, line in enumerate(lines) if _LINE.match(line)] or [0]


def _value(lines: list[str], rng: random.Random) -> list[str]:
    k = rng.choice(_keys(lines))
    found = _LINE.match(lines[k])
    if found is None:
        return [*lines, rng.choice(VALUES)]
    return [*lines[:k], f"{found[1]}{found[2]}: {rng.choice(VALUES)}", *lines[k + 1 :]]


def _inner_value(lines: list[str], rng: random.Random) -> list[str]:
    text = "\n".join(lines)
    places = [m.span() for m in re.finditer(r"(?<=[:,\[] )[\w.+-]+(?=[,}\]\n])", text)]
    if not places:
        return lines
    lo, hi = rng.choice(places)
    return (text[:lo] + rng.choice(VALUES) + text[hi:]).splitlines()


def _key(lines: list[str], rng: random.Random) -> list[str]:
    text = "\n".join(lines)
    places = [m.span(1) for m in re.finditer(r"([\w.]+):", text)]
    if not places:
        return lines
    lo, hi = rng.choice(places)
    other = text[slice(*rng.choice(places))]
    names = [other, "a.b", "", "1", '"."', '"\\e"', "<<", "~", f"{text[lo:hi]}s", "layers", "sweep", "fit", "*x"]
    return (text[:lo] + rng.choice(names) + text[hi:]).splitlines()


def _removed(lines: list[str], rng: random.Random) -> list[str]:
    k = rng.randrange(len(lines))
    return lines[:k] + lines[k + rng.choice([1, 1, 3]) :]


def _doubled(lines: list[str], rng: random.Random) -> list[str]:
    k = rng.randrange(len(lines))
    return [*lines[: k + 1], lines[k], *lines[k + 1 :]]


def _indented(lines: list[str], rng: random.Random) -> list[str]:
    k = rng.randrange(len(lines))
    return [*lines[:k], rng.choice(["  ", "\t", " ", ""]) + lines[k].strip(), *lines[k + 1 :]]


def _swapped(lines: list[str], rng: random.Random) -> list[str]:
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines = list(lines)
    lines[a], lines[b] = lines[b], lines[a]
    return lines


def _characters(lines: list[str], rng: random.Random) -> list[str]:
    text = list("\n".join(lines))
    for _ in range(rng.choice([1, 2, 5])):
        k = rng.randrange(len(text) + 1)
        text[k : k + rng.choice([0, 1])] = rng.choice("{}[]:,-#&*!|>'\"%@`\x00\x07\ufeff \n\t.0eé")
    return "".join(text).splitlines()


def _cut(lines: list[str], rng: random.Random) -> list[str]:
    text = "\n".join(lines)
    return text[: rng.randrange(len(text) + 1)].splitlines()


def _subtree(lines: list[str], rng: random.Random) -> list[str]:
    """Put something else in the place of all that stands under a key."""
    k = rng.choice(_keys(lines))
    found = _LINE.match(lines[k])
    if found is None:
        return lines
    end = k + 1
    while end < len(lines) and len(lines[end]) - len(lines[end].lstrip()) > len(found[1]):
        end += 1
    return [*lines[:k], f"{found[1]}{found[2]}: {rng.choice(VALUES)}", *lines[end:]]


CHANGES = (
    *(3 * (_value,)), *(3 * (_subtree,)), *(2 * (_inner_value,)),
    _key, _removed, _doubled, _indented, _swapped, _characters, _cut,
)  # fmt: skip
