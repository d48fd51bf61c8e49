"""Every key of a recipe: what it may be, and what it is where a recipe does not name it. Read from the models."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from nlp_pipeline.recipe.section import BaseRecipe, Section

_KINDS = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true, false"}
_BOUNDS = (("minimum", "from"), ("exclusiveMinimum", "above"), ("maximum", "to"), ("exclusiveMaximum", "below"))

# What `recipe.file` gives where a recipe has none.
_OF_ITS_FILE = {"name": "that of its file"}


@dataclass(frozen=True, slots=True)
class Key:
    """A key that holds no section.

    Attributes:
        name: with those of the sections around it, as `--set` takes it.
        values: what it may be, in words.
        default: as YAML has it; None where it must be given.
    """

    name: str
    values: str
    default: str | None


@dataclass(frozen=True, slots=True)
class KeySection:
    """A section, or the recipe itself.

    Attributes:
        name: with those of the sections around it; nothing for the recipe itself.
        description: paragraphs.
        keys: its own, without those of the sections within.
        may_be_left_out: whether null may stand in its place.
        is_left_out: whether it is null where a recipe does not name it.
    """

    name: str
    description: tuple[str, ...]
    keys: tuple[Key, ...]
    may_be_left_out: bool = False
    is_left_out: bool = False


def sections_of(recipe: type[BaseRecipe]) -> list[KeySection]:
    """Return the recipe itself and all its sections, each before those within it."""
    return list(_sections(recipe, "", None, False, False))


def _sections(
    model: type[Section],
    name: str,
    default: Section | None,
    may_be_left_out: bool,
    is_left_out: bool,
) -> Iterator[KeySection]:
    """Yield a section and those within it.

    Args:
        model: what it is made of.
        name: where it stands.
        default: what it is where a recipe does not name it; None where that is no section.
        may_be_left_out: as `KeySection` has it.
        is_left_out: likewise.
    """
    schemas = model.model_json_schema()["properties"]
    keys: list[Key] = []
    inner: list[tuple[type[Section], str, Section | None, bool, bool]] = []
    for key, field in model.model_fields.items():
        path = f"{name}.{key}" if name else key
        stands = None if field.is_required() else field.get_default(call_default_factory=True)
        if default is not None:
            stands = getattr(default, key)
        section = _section_in(field.annotation)
        if section is None:
            shown = _OF_ITS_FILE.get(path) if field.is_required() else _as_yaml(stands)
            keys.append(Key(path, _values(schemas[key]), shown))
            continue
        given = stands if isinstance(stands, Section) else None
        may_be_null = section is not field.annotation
        inner.append((section, path, given, may_be_null, may_be_null and given is None))
    yield KeySection(name, _description(model), tuple(keys), may_be_left_out, is_left_out)
    for arguments in inner:
        yield from _sections(*arguments)


def _section_in(annotation: Any) -> type[Section] | None:
    """Return the section that a key holds, perhaps beside null; None where it holds something else."""
    for one in (annotation, *get_args(annotation)):
        if isinstance(one, type) and issubclass(one, Section):
            return one
    return None


def _description(model: type[Section]) -> tuple[str, ...]:
    """Return what the docstrings of a section and of those that it extends say, a paragraph for each key or thought."""
    found: list[str] = []
    for one in model.__mro__:
        if one in (Section, BaseRecipe):
            break
        for block in inspect.cleandoc(one.__doc__ or "").split("\n\n"):
            begins = True
            for line in block.splitlines():
                if begins or line.startswith("`"):
                    found.append(line)
                else:
                    found[-1] += f" {line}"
                begins = False
    return tuple(found)


def _values(schema: Mapping[str, Any]) -> str:
    """Return in words what a schema lets through."""
    if "anyOf" in schema:
        return ", or ".join(map(_values, schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    kind = schema["type"]
    if kind == "array":
        return f"list: {_values(schema['items'])}"
    bounds = (f"{word} {schema[name]:,}".removesuffix(".0") for name, word in _BOUNDS if name in schema)
    return " ".join([_KINDS.get(kind, kind), *bounds])


def _as_yaml(value: Any) -> str:
    """Return a default as a recipe would have it; YAML takes what JSON writes."""
    return value if isinstance(value, str) else json.dumps(value)
