"""Reading a recipe's file, with the line of every key, so that a mistake is told where it stands."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar, overload

import yaml
from pydantic import BaseModel, ValidationError

from nlp_pipeline.errors import Problem, RecipeError
from nlp_pipeline.recipe import TASKS, Recipe
from nlp_pipeline.recipe.section import BaseRecipe, as_file

Key = tuple[str | int, ...]
Kind = TypeVar("Kind", bound=BaseRecipe)


class _RecipeLoader(yaml.SafeLoader):
    """YAML with the numbers and truth values of YAML 1.2: `1e-3` is a number, `no` is a word."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own attribute


for tag, pattern, first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
):
    _RecipeLoader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))


_RecipeLoader.add_constructor(
    # PyYAML's own reads 010 as 8, as YAML 1.1 has it.
    "tag:yaml.org,2002:int",
    lambda loader, node: int(str(loader.construct_scalar(node)), 10),  # type: ignore[arg-type]  # only scalars match
)


def _parse(text: str, place: str) -> tuple[Any, dict[Key, int]]:
    """Return what the YAML says, and the line of each of its keys."""
    lines: dict[Key, int] = {}
    problems: list[Problem] = []

    def walk(node: yaml.Node, key: Key) -> None:
        if isinstance(node, yaml.MappingNode):
            for name_node, value_node in node.value:
                name = str(name_node.value)
                line = name_node.start_mark.line + 1
                if (*key, name) in lines:
                    first = lines[*key, name]
                    problems.append(Problem(f"{place}:{line}", f"the key '{name}' was given in line {first} already"))
                lines[*key, name] = line
                walk(value_node, (*key, name))
        elif isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                lines[*key, number] = item.start_mark.line + 1
                walk(item, (*key, number))

    loader = None
    try:
        loader = _RecipeLoader(text)
        node = loader.get_single_node()
        if node is None:
            raise RecipeError([Problem(place, "expected a recipe, received an empty file")])
        walk(node, ())
        data = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = "" if mark is None else f":{mark.line + 1}"
        raise RecipeError([Problem(f"{place}{line}", f"expected YAML, received: {error.problem}")]) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0] if str(error) else "nesting without end"
        raise RecipeError([Problem(place, f"expected YAML, received: {reason}")]) from None
    finally:
        if loader is not None:
            loader.dispose()
    if problems:
        raise RecipeError(problems)
    return data, lines


def _override(data: dict[str, Any], assignment: str) -> tuple[str, ...]:
    """Write `a.b=value` into the data of a recipe, and return the key."""
    place = f"--set {assignment}"
    name, equals, text = assignment.partition("=")
    key = tuple(name.strip().split("."))
    if not equals or not all(key):
        raise RecipeError([Problem(place, "expected key=value, such as training.epochs=5")])
    value = _parse(text, place)[0] if text.strip() else None
    section = data
    for depth, part in enumerate(key[:-1], start=1):
        inner = section.get(part)
        if inner is None:
            inner = section[part] = {}
        if not isinstance(inner, dict):
            where = ".".join(key[:depth])
            raise RecipeError([Problem(place, f"expected {where} to be a section, received {inner!r}")])
        section = inner
    section[key[-1]] = value
    return key


def _fields_at(model: type[BaseModel], key: Sequence[str | int]) -> list[str]:
    """Return the names that are known in the section at `key`."""
    section: Any = model
    for part in key:
        if not (isinstance(section, type) and issubclass(section, BaseModel) and part in section.model_fields):
            return []
        annotation: Any = section.model_fields[str(part)].annotation
        choices = [annotation, *getattr(annotation, "__args__", ())]
        section = next((c for c in choices if isinstance(c, type) and issubclass(c, BaseModel)), None)
    return list(section.model_fields) if isinstance(section, type) and issubclass(section, BaseModel) else []


def _told(error: Any, model: type[BaseModel]) -> str:
    """Return one of pydantic's errors in this package's words."""
    key = list(error["loc"])
    name = ".".join(map(str, key))
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(key[-1]), _fields_at(model, key[:-1]), n=1)
        section = ".".join(map(str, key[:-1]))
        return (
            f"unknown key '{key[-1]}'"
            + (f" in {section}" if section else "")
            + (f"; did you mean '{near[0]}'?" if near else "")
        )
    if error["type"] == "missing":
        return f"expected a key '{name}', received none"
    message = error["msg"].removeprefix("Value error, ").replace("Input should be ", "expected ")
    if error["type"] == "value_error":
        return f"{name}: {message}" if name else message
    if error["type"] in ("model_type", "model_attributes_type", "dict_type"):
        message = "expected a section with keys of its own"
    received = repr(error["input"])
    return f"{name}: {message}, received {received if len(received) <= 60 else received[:57] + '...'}"


@overload
def read_recipe(path: str | Path, overrides: Iterable[str] = ...) -> Recipe: ...


@overload
def read_recipe(path: str | Path, overrides: Iterable[str] = ..., *, kind: type[Kind]) -> Kind: ...


def read_recipe(path: str | Path, overrides: Iterable[str] = (), *, kind: type[Any] | None = None) -> Any:
    """Read a recipe.

    Args:
        path: the YAML file. Paths in it are relative to the folder that it stands in.
        overrides: assignments `section.key=value`, the value in YAML; a path in one of them is relative to the
            working directory, as anything that is typed at a prompt is.
        kind: the only class of recipe that will do; any when left out.

    Raises:
        RecipeError: with one problem a mistake, each with its line or its override.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise RecipeError(
            [Problem(str(path), "expected a recipe file, received nothing: there is no such file")]
        ) from None
    except IsADirectoryError:
        raise RecipeError([Problem(str(path), "expected a recipe file, received a directory")]) from None
    except UnicodeDecodeError as error:
        raise RecipeError([Problem(str(path), f"expected UTF-8, received byte {error.start} that is not")]) from None
    except OSError as error:
        raise RecipeError([Problem(str(path), f"cannot be read: {error.strerror}")]) from None

    data, lines = _parse(text, str(path))
    if not isinstance(data, dict):
        raise RecipeError([Problem(f"{path}:1", f"expected keys and values, received {type(data).__name__}")])
    typed: dict[tuple[str, ...], str] = {}
    for assignment in overrides:
        typed[_override(data, assignment)] = assignment
    data.setdefault("name", re.sub(r"[^\w.-]+", "-", path.stem))

    def place_of(key: Key) -> str:
        for assigned, assignment in typed.items():
            if key and (assigned[: len(key)] == key or key[: len(assigned)] == assigned):
                return f"--set {assignment}"
        for depth in range(len(key), 0, -1):
            if key[:depth] in lines:
                return f"{path}:{lines[key[:depth]]}"
        return str(path)

    task = data.get("task")
    model = TASKS.get(task) if isinstance(task, str) else None
    if model is None or (kind is not None and model is not kind):
        known = ", ".join(repr(name) for name, known in TASKS.items() if kind in (None, known))
        raise RecipeError([Problem(place_of(("task",)), f"task: expected one of {known}, received {task!r}")])
    for names in model.FILES:
        inner: Any = data
        for name in names[:-1]:
            inner = inner.get(name) if isinstance(inner, dict) else None
        if isinstance(inner, dict) and isinstance(value := inner.get(names[-1]), str):
            from_prompt = any(names[: len(key)] == key for key in typed)
            try:
                inner[names[-1]] = as_file(value, names, Path.cwd() if from_prompt else path.parent)
            except (ValueError, RuntimeError, OSError):  # a NUL, a home of nobody, a name that is too long
                message = f"{'.'.join(names)}: expected the name of a file or folder, received {value[:60]!r}"
                raise RecipeError([Problem(place_of(names), message)]) from None
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = [Problem(place_of(e["loc"]), _told(e, model)) for e in error.errors()]
        raise RecipeError(problems) from None
