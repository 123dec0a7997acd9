"""Turn a YAML document into a frozen record, or say on which line it is wrong."""

import difflib
import types
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fedclinic.errors import ConfigError
from fedclinic.records import Record

R = TypeVar("R", bound=Record)
Path = tuple[str | int, ...]


def parse_document(
    text: str, model: type[R], *, source: str, substitutions: Mapping[str, str] | None = None
) -> R:
    """Parse `text` as YAML and check it against `model`.

    `substitutions` replace `{name}` inside text values, so that one document can serve many sites.

    Raises:
        ConfigError: with `source`, the line, and the allowed values, for the first mistakes found.
    """
    try:
        node = _compose(text, source)
        value = _construct(node, source)
        if not isinstance(value, dict):
            raise ConfigError(f"{source}: expected a mapping of fields at the top level")
        return model.model_validate(_substitute(value, substitutions or {}))
    except ValidationError as error:
        found = sorted(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        problems = [_explain(each, node, model, source) for each in found[:5]]
        raise ConfigError(_one_line("; ".join(problems))) from None
    except RecursionError:
        raise ConfigError(f"{source}: nested too deeply, or a part holds itself") from None


class _UniqueKeyLoader(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice, which PyYAML would silently let win."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Explain what PyYAML's own conversions raise, such as for the date 2026-13-45."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, TypeError, AttributeError):
            problem = "not the number or date that it looks like; quote it if it is a text"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                problem = "the name of a field must be a single word"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"field '{key.value}' is given twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _compose(text: str, source: str) -> yaml.Node:
    try:
        node = yaml.compose(text, Loader=_UniqueKeyLoader)
    except yaml.YAMLError as error:
        raise ConfigError(_yaml_problem(error, source)) from None
    if node is None:
        raise ConfigError(f"{source}: the document is empty")
    return node


def _construct(node: yaml.Node, source: str) -> Any:
    loader = _UniqueKeyLoader("")
    try:
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        raise ConfigError(_yaml_problem(error, source)) from None
    finally:
        loader.dispose()


def _yaml_problem(error: yaml.YAMLError, source: str) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "not valid YAML"
    return _one_line(f"{source}:{mark.line + 1}: {problem}" if mark else f"{source}: {problem}")


def _one_line(text: str) -> str:
    """Field names come from the document and may hold anything, also what a terminal obeys."""
    return "".join(char if char.isprintable() else " " for char in text)


def _substitute(value: Any, substitutions: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for name, replacement in substitutions.items():
            value = value.replace("{" + name + "}", replacement)
        return value
    if isinstance(value, dict):
        return {key: _substitute(item, substitutions) for key, item in value.items()}
    if isinstance(value, list):
        return [_substitute(item, substitutions) for item in value]
    return value


def _explain(error: ErrorDetails, root: yaml.Node, model: type[BaseModel], source: str) -> str:
    path, models = _walk(model, tuple(error["loc"]))
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "union_tag_invalid":
        path, message = _wrong_tag(path, error["ctx"])
    part, _, rest = message.partition(": ")
    named = part.split(".")
    if not path and named[0] in model.model_fields:  # a check of the whole document names the part
        path, message = tuple(named), rest
    line = _line_of(root, path)
    field = ".".join(str(part) for part in path) or "document"
    if error["type"] == "extra_forbidden":
        allowed = sorted({name for each in models for name in each.model_fields})
        near = difflib.get_close_matches(str(path[-1]), allowed, n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        return f"{source}:{line}: unknown field '{field}'; {hint}allowed: {', '.join(allowed)}"
    if error["type"] == "missing":
        return f"{source}:{line}: field '{field}' is missing"
    return f"{source}:{line}: {field}: {message[:1].lower()}{message[1:]}"


def _wrong_tag(path: Path, context: Mapping[str, Any]) -> tuple[Path, str]:
    """Name the field that chooses among several documents, and what it may hold."""
    allowed = [each.strip("' ") for each in str(context["expected_tags"]).split(",")]
    near = difflib.get_close_matches(str(context["tag"]), allowed, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    field = str(context["discriminator"]).strip("'")
    return (*path, field), f"not one of those known; {hint}allowed: {', '.join(allowed)}"


def _line_of(node: yaml.Node, path: Path) -> int:
    """Line of the deepest node that `path` reaches."""
    line: int = node.start_mark.line + 1
    for part in path:
        if isinstance(node, yaml.MappingNode):
            found = [(k, v) for k, v in node.value if k.value == str(part)]
            if not found:
                continue
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            if part >= len(node.value):
                continue
            node = node.value[part]
            line = node.start_mark.line + 1
    return line


def _walk(model: type[BaseModel], location: Path) -> tuple[Path, list[type[BaseModel]]]:
    """Follow an error's location: its path without union tags, and the models in which it ends."""
    path: list[str | int] = []
    models = [model]
    for part in location:
        tagged = [each for each in models if _is_tagged(each, part)]
        if tagged:
            models = tagged
            continue
        path.append(part)
        deeper = [
            found
            for each in models
            if part in each.model_fields
            for found in _models_in(each.model_fields[str(part)].annotation)
        ]
        models = deeper or models
    return tuple(path), models


def _is_tagged(model: type[BaseModel], part: str | int) -> bool:
    """Whether `part` is the tag by which a union chooses this model."""
    return part not in model.model_fields and any(
        get_origin(field.annotation) is Literal and part in get_args(field.annotation)
        for field in model.model_fields.values()
    )


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, types.UnionType, tuple, list, dict):
        return [m for argument in get_args(annotation) for m in _models_in(argument)]
    if hasattr(annotation, "__metadata__"):
        return _models_in(get_args(annotation)[0])
    return []
