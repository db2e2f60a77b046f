"""YAML as config files have it: UTF-8 text of plain values, each key once, that unfolds to no more than they need."""

from pathlib import Path

import yaml

from bnnbench.study.config import ConfigError

MOST_BYTES, MOST_VALUES, DEEPEST = 1_000_000, 20_000, 50
"""A hundred times what a study needs, and so few that they are read within seconds. Values and levels count with every
alias written out: a few lines of them can stand for more than any memory holds."""
PLAIN = "tag:yaml.org,2002:"
TAB = repr("\t")
TEXT, MERGE = f"{PLAIN}str", f"{PLAIN}merge"


def read_yaml(path: Path) -> dict:
    """The mapping in a YAML file. Raises ConfigError, with line and remedy, where it is missing, unreadable or none."""
    try:
        content = yaml.load(_text(path), _Loader)
    except yaml.reader.ReaderError as error:
        raise ConfigError(
            f"{path} is not valid YAML: it holds the character U+{error.character:04X} at place {error.position}: "
            "save it as plain UTF-8 text"
        ) from None
    except yaml.MarkedYAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {_described(error)}") from None
    except RecursionError:
        raise ConfigError(f"{path} is not valid YAML: {_TOO_DEEP}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path} must hold a mapping of keys to values, such as 'studies: [toy]'")
    return content


def _text(path: Path) -> str:
    try:
        if path.is_dir():
            raise ConfigError(f"{path} is a folder: give the path of a YAML file, e.g. config/config.yaml")
        if not path.exists():
            raise ConfigError(f"no config file at '{path}': give the path of a YAML file, e.g. config/config.yaml")
        if not path.is_file():
            raise ConfigError(f"{path} is a device or a pipe: give the path of a YAML file, e.g. config/config.yaml")
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}: correct its name or its permissions") from None
    if len(data) > MOST_BYTES:
        raise ConfigError(f"{path} is larger than {MOST_BYTES:,} bytes, too large for a config: give the path of one")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path} is not UTF-8 text ({error.reason} at byte {error.start}): save it as UTF-8"
        ) from None


_TOO_DEEP = f"it is nested in more than {DEEPEST} levels: write it flatter"
_TOO_MANY = f"it has more than {MOST_VALUES:,} values, aliases written out: use fewer"


def _described(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    said = " ".join(filter(None, [error.context, error.problem]))
    place = f"line {mark.line + 1}: " if mark else ""
    if isinstance(error, _Fault):
        return f"{place}{said}"
    return f"{place}{said}: {'indent by blanks' if TAB in said else 'correct it there'}"


class _Fault(yaml.MarkedYAMLError):
    """What YAML allows and a config does not, said with its remedy."""

    def __init__(self, node: yaml.Node | yaml.Event, said: str):
        super().__init__(problem=said, problem_mark=node.start_mark)


class _Loader(yaml.SafeLoader):
    """YAML without tags, in which nothing is larger than it looks and no key is given twice: the last would win."""

    n_values = 0

    def compose_node(self, parent, index):
        event = self.peek_event()
        self.n_values += 1
        if self.n_values > 2 * MOST_VALUES:  # of a mapping, keys are composed too
            raise _Fault(event, _TOO_MANY)
        if tag := getattr(event, "tag", None):
            raise _Fault(event, f"the tag {tag.replace(PLAIN, '!!')} is not taken: write plain values, texts in quotes")
        return super().compose_node(parent, index)

    def construct_document(self, node):
        _measured(node, frozenset(), {})
        return super().construct_document(node)

    def construct_object(self, node, deep=False):
        try:
            return super().construct_object(node, deep)
        except (ValueError, OverflowError) as error:  # of what looks like a date or a number, and is none
            raise _Fault(node, f"{node.value[:40]} cannot be read ({error}): correct it, or quote a text") from None


def _measured(node: yaml.Node, above: frozenset[int], known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """How many values a node stands for with every alias written out, and in how many levels. Raises _Fault."""
    if id(node) in above:
        raise _Fault(node, "an entry holds itself: write it out")
    if len(above) > DEEPEST:
        raise _Fault(node, _TOO_DEEP)
    if id(node) not in known:
        above = above | {id(node)}
        below = [_measured(inner, above, known) for inner in _inside(node)]
        values, levels = 1 + sum(size for size, _ in below), 1 + max((height for _, height in below), default=0)
        if values > MOST_VALUES:
            raise _Fault(node, _TOO_MANY)
        if levels > DEEPEST:
            raise _Fault(node, _TOO_DEEP)
        known[id(node)] = values, levels
    return known[id(node)]


def _inside(node: yaml.Node) -> list[yaml.Node]:
    """What a list or a mapping holds. Raises _Fault for keys that are no text, or there twice."""
    if isinstance(node, yaml.ScalarNode):
        return []
    if isinstance(node, yaml.SequenceNode):
        return node.value
    lines: dict[str, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _Fault(key, "a key is a list or a mapping: write a text")
        if key.tag == MERGE:
            continue
        line = key.start_mark.line + 1
        if key.value in lines:
            raise _Fault(
                key, f"the key '{key.value}' is there twice, in lines {lines[key.value]} and {line}: keep one of them"
            )
        if key.tag != TEXT:
            raise _Fault(key, f"the key {key.value or 'null'} is no text: write '{key.value}', in quotes")
        lines[key.value] = line
    return [value for _, value in node.value]
