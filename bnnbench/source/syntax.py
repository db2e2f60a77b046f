"""Python source as data: a module cut into its definitions, the names that one uses, and its normal form.

The normal form is the same in every supported Python, and says all that shapes a result: it leaves out comments,
docstrings and other bare strings, annotations, imports and formatting.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

IMPORTS = (ast.Import, ast.ImportFrom)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Target(NamedTuple):
    """What a name stands for: a module of the package (`name` is ""), a name in one, or what lies outside (`module` is
    "", `name` its path)."""

    module: str
    name: str


@dataclass
class Definition:
    """The statements at a module's top level that bind a name or change what it stands for."""

    statements: list[ast.stmt] = field(default_factory=list)


@dataclass
class Module:
    """A module's definitions by name, what its imports bind, modules whose names it takes all (`import *`), and
    statements that act on nothing of its own, such as a call that sets a global option."""

    name: str
    is_package: bool
    definitions: dict[str, Definition] = field(default_factory=dict)
    imports: dict[str, Target] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    effects: list[ast.stmt] = field(default_factory=list)


# Modules into definitions.


def add(module: Module, statement: ast.stmt) -> None:
    """Put a statement of a module's top level where it belongs."""
    if isinstance(statement, ast.If) and _is_type_checking(statement.test):
        for other in statement.orelse:
            add(module, other)
        return
    if isinstance(statement, IMPORTS):
        if isinstance(statement, ast.ImportFrom) and any(alias.name == "*" for alias in statement.names):
            module.stars.append(_absolute(module, statement))
        module.imports.update(bindings(module, [statement]))
        return
    if _is_bare(statement):
        return
    # Imports with alternatives (`try: ... except ImportError: ...`) count as definitions of the names that they bind.
    imports = [node for node in outside_functions(statement) if isinstance(node, IMPORTS)]
    names = _bound(statement) | {name for name, _ in bindings(module, imports)}
    if not names:  # such as `register(f)` or `TABLE.update(...)`: part of what it mentions
        names = {chain[0] for chain in free_chains(statement)} & set(module.definitions)
    if not names:
        module.effects.append(statement)
    for name in names:
        module.definitions.setdefault(name, Definition()).statements.append(statement)


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a statement that are run with it."""
    yield node
    if not isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        for child in ast.iter_child_nodes(node):
            yield from outside_functions(child)


def _bound(statement: ast.stmt) -> set[str]:
    """Names that a statement binds or, as `TABLE["x"] = 1` does, changes."""
    found = set()
    for node in outside_functions(statement):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            found.add(node.id)
        elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            while isinstance(node, ast.Attribute | ast.Subscript):
                node = node.value
            if isinstance(node, ast.Name):
                found.add(node.id)
    return found


def bindings(module: Module, nodes: Iterable[ast.AST]) -> Iterator[tuple[str, Target]]:
    """(name, what it stands for) of import statements; a module outside the package stands by its dotted path."""
    package = module.name.partition(".")[0]

    def target(path: str, name: str = "") -> Target:
        inside = path.partition(".")[0] == package
        return Target(path, name) if inside else Target("", f"{path}.{name}".strip("."))

    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                path = alias.name if alias.asname else alias.name.partition(".")[0]
                yield alias.asname or path, target(path)
        else:
            path = _absolute(module, node)
            for alias in node.names:
                if alias.name != "*":
                    yield alias.asname or alias.name, target(path, alias.name)


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    """The dotted name of the module that is imported from."""
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    parts = parts[: len(parts) - node.level + module.is_package]
    return ".".join([*parts, *([node.module] if node.module else [])])


# Names that a definition uses.


def free_chains(statement: ast.AST) -> set[tuple[str, ...]]:
    """Names that a statement reads and does not bind in a function of its own, with the attributes that follow."""
    found: set[tuple[str, ...]] = set()
    _collect(statement, frozenset(), found)
    return found


def _collect(node: ast.AST, local: frozenset[str], found: set[tuple[str, ...]]) -> None:
    if isinstance(node, ast.Attribute | ast.Name):
        chain, base = [], node
        while isinstance(base, ast.Attribute):
            chain.append(base.attr)
            base = base.value
        if isinstance(base, ast.Name):
            if base.id not in local:
                found.add((base.id, *reversed(chain)))
            return
        _collect(base, local, found)
        return
    if isinstance(node, FUNCTIONS):
        _collect_function(node, local, found)
        return
    if isinstance(node, COMPREHENSIONS):
        local = local | {n.id for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
    for child in _children(node):
        _collect(child, local, found)


def _collect_function(node: ast.AST, local: frozenset[str], found: set[tuple[str, ...]]) -> None:
    """Defaults and decorators belong to the scope around a function, its body to its own."""
    arguments = node.args
    outside = [*arguments.defaults, *(d for d in arguments.kw_defaults if d), *getattr(node, "decorator_list", [])]
    for child in outside:
        _collect(child, local, found)
    everything = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    own = {argument.arg for argument in everything if argument}
    body = node.body if isinstance(node.body, list) else [node.body]
    own |= set().union(*(_bound_here(child) for child in body))
    declared = {name for child in body for n in _own_nodes(child) if isinstance(n, ast.Global) for name in n.names}
    for child in body:
        _collect(child, local | (own - declared), found)


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes of a function's body that belong to its scope."""
    yield node
    if not isinstance(node, (*FUNCTIONS, *COMPREHENSIONS, ast.ClassDef)):
        for child in ast.iter_child_nodes(node):
            yield from _own_nodes(child)


def _bound_here(statement: ast.AST) -> set[str]:
    """Names that a statement makes local to its function; imports apart, which are followed."""
    found = set()
    for node in _own_nodes(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, NAMED) and node.name:
            found.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            found.add(node.rest)
    return found


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """Child nodes, without annotations: what is only said of a type shapes no result."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield child


# The normal form.


def _is_bare(node: ast.AST) -> bool:
    """A statement that does nothing: a docstring, another string that stands alone, `pass`."""
    constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Pass) or (constant and isinstance(node.value.value, str | type(...)))


def form(node) -> str:
    """A syntax tree as text that is the same in every supported Python, and says all that shapes a result."""
    if isinstance(node, ast.Constant):
        return ascii(node.value)
    if isinstance(node, ast.JoinedStr):
        return f"JoinedStr({','.join(_joined(node))})"
    if not isinstance(node, ast.AST):
        return ascii(node)
    parts = [type(node).__name__]
    for name, value in ast.iter_fields(node):
        if name in ("ctx", "kind", "type_comment", "type_params", "returns"):
            continue
        if name == "annotation":
            parts += [word for word in ("ClassVar", "InitVar") if word in ast.dump(value)] if value else []
        elif isinstance(value, list):
            kept = [form(item) for item in value if not (_is_bare(item) or isinstance(item, IMPORTS))]
            parts += [f"{name}=[{','.join(kept)}]"] if kept else []
        elif value is not None and not (isinstance(value, ast.JoinedStr) and not _joined(value)):
            parts.append(f"{name}={form(value)}")
    return f"({' '.join(parts)})"


def _joined(node: ast.JoinedStr) -> list[str]:
    """The parts of an f-string, neighbouring texts as one: Pythons cut them differently."""
    found, text = [], ""
    for value in node.values:
        if isinstance(value, ast.Constant):
            text += str(value.value)
            continue
        found += ([ascii(text)] if text else []) + [form(value)]
        text = ""
    return found + ([ascii(text)] if text else [])
