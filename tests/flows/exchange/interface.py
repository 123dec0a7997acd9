"""What the published interface says of each call: what may be sent, and what may come back."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from jsonschema import Draft202012Validator

Schema = dict[str, Any]
Values = st.SearchStrategy[Any]


@dataclass(frozen=True)
class Operation:
    """One call of the interface, with the whole document for its references."""

    method: str
    path: str
    described: Schema
    document: Schema

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def statuses(self) -> list[str]:
        return list(self.described["responses"])

    def parameters(self, where: str) -> dict[str, Values]:
        """Values for the parameters in the path or in the query, by name."""
        described = self.described.get("parameters", [])
        return {
            each["name"]: values_of(each["schema"], self.document)
            for each in described
            if each["in"] == where
        }

    def body(self) -> Values | None:
        """Messages that the interface takes, if it takes one."""
        described = self.described.get("requestBody")
        if described is None:
            return None
        return values_of(described["content"]["application/json"]["schema"], self.document)

    def check(self, status: int, content: Any) -> None:
        """See that an answer is one of those that are described.

        Raises:
            AssertionError: if it is not.
        """
        wanted = next((s for s in (str(status), f"{status // 100}XX") if s in self.statuses), None)
        assert wanted is not None, f"{self} answered with {status}"
        media = self.described["responses"][wanted].get("content", {}).get("application/json")
        if media is not None:
            found = [*self._errors(media["schema"], content)]
            assert found == [], f"{self} answered with {status} and {found}"

    def _errors(self, schema: Schema, content: Any) -> Iterator[str]:
        whole = {**schema, "components": self.document["components"]}
        for error in Draft202012Validator(whole).iter_errors(content):
            yield error.message


def operations_of(document: Schema) -> list[Operation]:
    return [
        Operation(method.upper(), path, described, document)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
    ]


def values_of(schema: Schema, document: Schema) -> Values:
    """Values that a schema allows: of the parts of JSON Schema that our interface uses."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].split("/")[-1]]
    if "anyOf" in schema:
        return st.one_of(*(values_of(each, document) for each in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum", [schema.get("const")]))
    if schema["type"] == "object":
        return _objects(schema, document)
    if schema["type"] == "array":
        most = min(schema.get("maxItems", 3), 3)
        inner = values_of(schema["items"], document)
        return st.lists(inner, min_size=schema.get("minItems", 0), max_size=most)
    return _plain(schema)


def _plain(schema: Schema) -> Values:
    bounds = _bounds(schema)
    plain = {
        "null": st.none(),
        "integer": st.integers(*bounds),
        "number": st.floats(*bounds, allow_nan=False, allow_infinity=False),
        "string": st.from_regex(schema.get("pattern", ".{0,30}"), fullmatch=True),
    }
    return plain[schema["type"]]


def _objects(schema: Schema, document: Schema) -> Values:
    fields = {name: values_of(part, document) for name, part in schema["properties"].items()}
    needed = schema.get("required", [])
    return st.fixed_dictionaries(
        {name: fields[name] for name in needed},
        optional={name: part for name, part in fields.items() if name not in needed},
    )


def _bounds(schema: Schema) -> tuple[Any, Any]:
    low, high = schema.get("minimum"), schema.get("maximum")
    return schema["exclusiveMinimum"] + 1 if "exclusiveMinimum" in schema else low, high
