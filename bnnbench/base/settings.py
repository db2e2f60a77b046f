"""Settings with types and bounds, declared where they are used, and the check of given values against them.

Whatever takes settings declares them once: a dataclass (a method, a prior, a probe) by its fields, a function (a
network's `build`, a data set's `generate`) by its parameters. The types below, or any others with bounds by pydantic's
`Field`, say what is allowed; `faults` checks values without running what they are for. A new method or data set is
covered by its annotations alone.
"""

import dataclasses
import difflib
import inspect
import json
import math
import types
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, Field, ValidationError, create_model

MOST = 1_000_000_000
"""No whole number that counts or names something is larger: seeds fit every library, and sizes can be computed with."""
Count = Annotated[int, Field(ge=1, le=MOST)]
"""A whole number of at least 1."""
WholeNumber = Annotated[int, Field(ge=0, le=MOST)]
"""A whole number of at least 0."""
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""A number above 0, finite."""
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""A number of at least 0, finite."""
Share = Annotated[float, Field(ge=0, le=1)]
"""A number from 0 to 1."""
ProperShare = Annotated[float, Field(gt=0, lt=1)]
"""A number above 0 and below 1."""
PositiveShare = Annotated[float, Field(gt=0, le=1)]
"""A number above 0, at most 1."""
Text = Annotated[str, Field(min_length=1)]
"""Text that is not empty."""

Declared = type | Callable
MOST_SHOWN = 200
"""Characters of a value in a message."""


def parameters(declared: Declared, leaving_out: Iterable[str] = ()) -> dict[str, tuple[Any, Any]]:
    """(type, default) of each setting that a dataclass or a function declares; `...` where it must be given."""
    hints = get_type_hints(declared, include_extras=True)
    if dataclasses.is_dataclass(declared):
        found = {f.name: _default_of_field(f) for f in dataclasses.fields(declared) if f.init}
    else:
        found = {
            name: ... if p.default is inspect.Parameter.empty else p.default
            for name, p in inspect.signature(declared).parameters.items()
            if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        }
    return {name: (hints.get(name, Any), default) for name, default in found.items() if name not in leaving_out}


def _default_of_field(field: dataclasses.Field) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    return ... if field.default_factory is dataclasses.MISSING else field.default_factory()


def faults(
    declared: Declared, values: Mapping[str, Any], noun: str, *, leaving_out: Iterable[str] = (), partial: bool = False
) -> list[str]:
    """What is wrong with settings: a line for each, with the key, the value and what is allowed; empty where none is.

    `noun` is what a setting is called in the text; `leaving_out` names parameters that are no settings. `partial`
    values may lack what must be given.
    """
    known = parameters(declared, leaving_out)
    found = [_unknown(noun, key, known) for key in values if key not in known]
    rest = {key: value for key, value in values.items() if key in known}
    try:
        _model(declared, tuple(leaving_out)).model_validate_json(json.dumps(rest, default=_json))
    except ValidationError as error:
        details = [d for d in error.errors() if not (partial and d["type"] == "missing")]
        of_items = {d["loc"][0] for d in details if any(isinstance(step, int) for step in d["loc"])}
        details = [d for d in details if d["type"] != "too_short" or d["loc"][0] not in of_items]
        found += list(dict.fromkeys(_described(detail, known, rest, noun) for detail in details))
    return found


def faults_together(declared: type, values: Mapping[str, Any], noun: str) -> list[str]:
    """The same, or where each value is allowed what the dataclass itself says of them together."""
    if found := faults(declared, values, noun):
        return found
    try:
        declared(**values)
    except ValueError as error:
        return [str(error)]
    return []


def make(declared: type, values: Mapping[str, Any], noun: str, what: str):
    """What a dataclass makes of settings. Raises ValueError that names `what` they are for and all that is wrong."""
    if found := faults_together(declared, values, noun):
        raise ValueError(f"{what}: {'; '.join(found)}")
    return declared(**values)


def _json(value: Any) -> Any:
    """NumPy's numbers as Python's; anything else that JSON does not have as its text, which no type allows."""
    return value.item() if hasattr(value, "item") else str(value)


@cache
def _model(declared: Declared, leaving_out: tuple[str, ...]):
    # Aliases, since pydantic keeps some names, such as "copy", for itself.
    fields = {
        f"setting_{i}": (kind, Field(default, alias=name))
        for i, (name, (kind, default)) in enumerate(parameters(declared, leaving_out).items())
    }
    return create_model("Settings", __config__=ConfigDict(strict=True, arbitrary_types_allowed=True), **fields)


def _unknown(noun: str, key: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(str(key), list(known), n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return f"no {noun} '{key}': {hint}known are {', '.join(known) or 'none'}"


def _described(detail: dict, known: dict, values: Mapping[str, Any], noun: str) -> str:
    key, *inner = detail["loc"]
    kind, _ = known[key]
    if detail["type"] == "missing":
        return f"{noun} '{key}' is missing: give {allowed(kind)}"
    value, place = values[key], str(key)
    index = next((step for step in inner if isinstance(step, int)), None)
    if isinstance(value, list | tuple) and index is not None and index < len(value):
        value, place, kind = value[index], f"{key}.{index}", _of_items(kind)
    if (number := _number_in(value)) is not None:
        return f"{place} is the text {shown(value)}, not a number: write {number}"
    if isinstance(value, int) and value > MOST:
        return f"{place} is {value}: it must be at most {MOST:,}"
    return f"{place} is {shown(value)}: it must be {allowed(kind)}"


def shown(value: Any) -> str:
    """A value as messages show it: of a long one the beginning."""
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


def _number_in(value: Any) -> float | None:
    """The number in what YAML took for text, such as 1e-3, which lacks its point; None where there is none."""
    try:
        number = float(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if number is None or not math.isfinite(number):
        return None
    return int(number) if number.is_integer() else number


def _of_items(kind: Any) -> Any:
    """The type of the items of a list's type, found in a union too."""
    for part in _parts(kind):
        bare = get_args(part)[0] if get_origin(part) is Annotated else part
        if get_origin(bare) in (tuple, list):
            return get_args(bare)[0]
    return kind


def is_list(kind: Any) -> bool:
    """Whether a type takes lists."""
    return kind is not None and _of_items(kind) is not kind


def _parts(kind: Any) -> tuple:
    if get_origin(kind) is Annotated and get_origin(get_args(kind)[0]) in (Union, types.UnionType):
        kind = get_args(kind)[0]
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


WORDS = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "true or false",
    dict: "a mapping",
    type(None): "null",
}
BOUNDS = {
    "ge": "of at least {}",
    "gt": "above {}",
    "le": "of at most {}",
    "lt": "below {}",
    "multiple_of": "a multiple of {}",
}


def allowed(kind: Any) -> str:
    """What a type allows, in words, such as `a whole number of at least 1, or null`."""
    parts = _parts(kind)
    if len(parts) > 1:
        return ", or ".join(allowed(part) for part in parts)
    origin = get_origin(kind)
    if origin is Annotated:
        base, *notes = get_args(kind)
        limits = [limit for note in notes for limit in getattr(note, "metadata", [note])]
        given = [(text, getattr(m, name)) for m in limits for name, text in BOUNDS.items() if hasattr(m, name)]
        bounds = [text.format(bound) for text, bound in given if bound != MOST]  # which goes without saying
        finite = ["finite"] if any(getattr(m, "allow_inf_nan", None) is False for m in limits) else []
        sizes = ["not empty"] if any(getattr(m, "min_length", 0) for m in limits) else []
        sizes += [f"at most {m.max_length} of them" for m in limits if getattr(m, "max_length", None)]
        return ", ".join([" ".join([allowed(base), " and ".join(bounds)]).strip(), *finite, *sizes])
    if origin is Literal:
        values = get_args(kind)
        return f"one of {', '.join(map(str, values))}" if len(values) > 1 else f"'{values[0]}'"
    if origin in (tuple, list):
        return f"a list, each item {allowed(get_args(kind)[0])}"
    return WORDS.get(origin or kind, getattr(kind, "__name__", str(kind)))


def repeated(values: Iterable[Any]) -> list[str]:
    """Values that a list holds more than once, with their places: 1 and 1.0 are the same."""
    places: dict[Any, list[int]] = {}
    for place, value in enumerate(values, 1):
        places.setdefault(value if not isinstance(value, list | dict) else str(value), []).append(place)
    return [
        f"{value!r} is there {len(at)} times, at places {', '.join(map(str, at))}: keep one of them"
        for value, at in places.items()
        if len(at) > 1
    ]
