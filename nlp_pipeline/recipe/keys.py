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
class RecipeKey:
    """A key that holds no section.

    Attributes:
        name: with those of the sections around it, as `--set` takes it.
        values: what it may be, in words.
        default: as YAML has it; None where there is none.
        must_be_given: whether a recipe has to name it.
    """

    name: str
    values: str
    default: str | None
    must_be_given: bool


@dataclass(frozen=True, slots=True)
class RecipeSection:
    """A section, or the recipe itself.

    Attributes:
        name: with those of the sections around it; nothing for the recipe itself.
        description: paragraphs.
        keys: its own, without those of the sections within.
        must_be_given: whether a recipe has to name it.
        may_be_left_out: whether null may stand in its place.
        is_left_out: whether it is null where a recipe does not name it.
    """

    name: str
    description: tuple[str, ...]
    keys: tuple[RecipeKey, ...]
    must_be_given: bool = False
    may_be_left_out: bool = False
    is_left_out: bool = False


def sections_of(recipe: type[BaseRecipe]) -> list[RecipeSection]:
    """Return the recipe itself and all its sections, each before those within it."""
    return list(_sections(recipe, "", None))


def _sections(
    model: type[Section],
    name: str,
    default: Section | None,
    must_be_given: bool = False,
    may_be_left_out: bool = False,
    is_left_out: bool = False,
) -> Iterator[RecipeSection]:
    """Yield a section and those within it.

    Args:
        model: what it is made of.
        name: where it stands.
        default: what it is where a recipe does not name it; None where that is no section.
        must_be_given: as `RecipeSection` has it.
        may_be_left_out: likewise.
        is_left_out: likewise.
    """
    schemas = model.model_json_schema()["properties"]
    keys: list[RecipeKey] = []
    inner: list[tuple[type[Section], str, Section | None, bool, bool, bool]] = []
    for key, field in model.model_fields.items():
        path = f"{name}.{key}" if name else key
        stands = None if field.is_required() else field.get_default(call_default_factory=True)
        if default is not None:
            stands = getattr(default, key)
        section = _section_in(field.annotation)
        if section is None:
            shown = _OF_ITS_FILE.get(path) if field.is_required() else _as_yaml(stands)
            keys.append(RecipeKey(path, _values(schemas[key]), shown, shown is None))
            continue
        given = stands if isinstance(stands, Section) else None
        may_be_null = section is not field.annotation
        inner.append((section, path, given, field.is_required(), may_be_null, may_be_null and given is None))
    yield RecipeSection(name, _description(model), tuple(keys), must_be_given, may_be_left_out, is_left_out)
    for arguments in inner:
        yield from _sections(*arguments)


def _section_in(annotation: Any) -> type[Section] | None:
    """Return the section that a key holds, perhaps beside null; None where it holds something else."""
    for one in (annotation, *get_args(annotation)):
        if isinstance(one, type) and issubclass(one, Section):
            return one
    return None


def _description(model: type[Section]) -> tuple[str, ...]:
    """Return what the docstrings of a section and of those that it extends say, a paragraph for each key or thought.

    Of those that it extends, what they say of their keys.
    """
    found: list[str] = []
    for one in model.__mro__[: model.__mro__.index(Section)]:
        paragraphs: list[str] = []
        for block in inspect.cleandoc(one.__doc__ or "").split("\n\n"):
            if block.startswith("Attributes:"):
                continue
            for number, line in enumerate(block.splitlines()):
                if number == 0 or line.startswith("`"):
                    paragraphs.append(line)
                else:
                    paragraphs[-1] += f" {line}"
        found += [paragraph for paragraph in paragraphs if one is model or paragraph.startswith("`")]
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
        return f"list of at least {schema.get('minItems', 0)}: {_values(schema['items'])}"
    bounds = (f"{word} {schema[name]:,}".removesuffix(".0") for name, word in _BOUNDS if name in schema)
    return " ".join([_KINDS.get(kind, kind), *bounds])


def _as_yaml(value: Any) -> str:
    """Return a default as a recipe would have it; YAML takes what JSON writes."""
    return value if isinstance(value, str) else json.dumps(value)
