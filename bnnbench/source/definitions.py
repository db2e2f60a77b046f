"""What a definition of the package reaches, read off its source: by this a stored result knows whether it is stale.

The names that a definition uses are followed, through imports in whatever form, to other definitions, and from these
on. Each is taken in the normal form of `syntax`, without the name of the module that it lies in. So what changes a
result changes the digest, and a reworded docstring, another order of imports or a file that moves does not.

Nothing is imported or run here. What is looked up by a name that the program puts together (`importlib`, a registry)
is not seen: whoever asks for a digest names such modules as starting points.
"""

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from bnnbench.source.syntax import IMPORTS, Module, Target, add, bindings, form, free_chains, outside_functions


class Source:
    """The source of a package in the folder `root`, which is named as the package is."""

    def __init__(self, root: Path):
        self.root = Path(root)
        self.package = self.root.name
        self.module = cache(self._module)
        self._used = cache(self._find_used)
        self._ownform = cache(self._make_ownform)

    def path(self, module: str) -> Path | None:
        """The file of a module given by its dotted name; None where the package has none."""
        first, *rest = module.split(".")
        if first != self.package:
            return None
        folder = self.root.joinpath(*rest)
        files = [folder / "__init__.py", *([folder.with_name(f"{folder.name}.py")] if rest else [])]
        return next((file for file in files if file.is_file()), None)

    def modules(self, name: str) -> list[str]:
        """A module with those below it, where it is a package, by dotted name. KeyError where there is none."""
        path = self.path(name)
        if path is None:
            raise KeyError(f"there is no module {name} in {self.root}")
        if path.name != "__init__.py":
            return [name]
        found = [name]
        for file in sorted(path.parent.iterdir()):
            if file.suffix == ".py" and file.name != "__init__.py":
                found.append(f"{name}.{file.stem}")
            elif (file / "__init__.py").is_file():
                found += self.modules(f"{name}.{file.name}")
        return found

    def reached(self, starts: Iterable[str], without: Iterable[str] = ()) -> list[str]:
        """Normal forms of all that the `starts` reach, sorted; `without` names modules that are not followed.

        A start is `module`, all definitions in it and below it, or `module:definition`. Raises KeyError where the
        package has none of that name.
        """
        excluded, found = tuple(without), set()
        todo = [target for start in starts for target in self._start(start)]
        while todo:
            target = todo.pop()
            if target in found or _is_in(target.module, excluded):
                continue
            found.add(target)
            todo += [other for _, other in self._used(target) if other.module]
        named = [target for target in found if target.name]
        effects = [form(s) for module in {t.module for t in found} for s in self.module(module).effects]
        return sorted([self._linkedform(target, excluded) for target in named] + effects)

    def _start(self, start: str) -> list[Target]:
        name, _, definition = start.partition(":")
        modules = self.modules(name)
        if not definition:
            return [Target(module, "") for module in modules]
        target = self._attribute(name, definition)
        if target is None or not target.module:
            raise KeyError(f"module {name} has no definition {definition}")
        return [target]

    def _module(self, name: str) -> Module:
        path = self.path(name)
        found = Module(name, path.name == "__init__.py")
        for statement in ast.parse(path.read_text(encoding="utf-8")).body:
            add(found, statement)
        return found

    def _find_used(self, target: Target) -> list[tuple[str, Target]]:
        """Names that a definition uses, each as it is written, with what it stands for; of a module all that it has."""
        module = self.module(target.module)
        if not target.name:
            imported = [self._settled(other) for other in module.imports.values() if other.module]
            return [("", Target(target.module, name)) for name in module.definitions] + [
                ("", other) for other in imported if other is not None
            ]
        found = {}
        for statement in module.definitions[target.name].statements:
            inner = dict(bindings(module, (node for node in ast.walk(statement) if isinstance(node, IMPORTS))))
            at_once = bindings(module, (node for node in outside_functions(statement) if isinstance(node, IMPORTS)))
            found |= {f"import {name}": self._settled(other) for name, other in at_once}
            found |= {".".join(chain): self._resolve(module, chain, inner) for chain in free_chains(statement)}
        return [(name, other) for name, other in found.items() if other not in (None, target)]

    def _resolve(self, module: Module, chain: tuple[str, ...], inner: dict[str, Target]) -> Target | None:
        """What a name with its attributes stands for in a module, as far as it can be followed; None: nothing known.

        `inner` is what imports within the definition bind.
        """
        first, *attributes = chain
        target = self._settled(inner[first]) if first in inner else self._attribute(module.name, first, False)
        for attribute in attributes:
            if target is None or (target.module and target.name):
                return target
            if not target.module:
                target = Target("", f"{target.name}.{attribute}")
                continue
            below = self._attribute(target.module, attribute)
            if below is None:
                return target
            target = below
        return target

    def _attribute(self, module: str, name: str, submodules: bool = True, seen: frozenset = frozenset()):
        """The target that a name of a module stands for, through imports from module to module; None: nothing known."""
        if (module, name) in seen:
            return None
        there, seen = self.module(module), seen | {(module, name)}
        if name in there.definitions:
            return Target(module, name)
        if name in there.imports:
            return self._settled(there.imports[name], seen)
        for star in there.stars:
            if self.path(star) and (found := self._attribute(star, name, False, seen)):
                return found
        if submodules and there.is_package and self.path(f"{module}.{name}"):
            return Target(f"{module}.{name}", "")
        return None

    def _settled(self, target: Target, seen: frozenset = frozenset()) -> Target | None:
        """What an import binds, followed to where it is defined; None where the package has nothing of that name."""
        if not target.module:
            return target
        if not self.path(target.module):
            return None
        return self._attribute(target.module, target.name, True, seen) if target.name else target

    def _make_ownform(self, target: Target) -> str:
        statements = self.module(target.module).definitions[target.name].statements
        return "\n".join(form(statement) for statement in statements)

    def _linkedform(self, target: Target, excluded: tuple[str, ...]) -> str:
        """A definition's own form with what the names in it stand for: outside by path, inside by their own form."""
        links = []
        for name, other in self._used(target):
            if not other.module:
                links.append(f"{name} = {other.name}")
            elif other.name and not _is_in(other.module, excluded):
                links.append(f"{name}: {hashlib.sha256(self._ownform(other).encode()).hexdigest()}")
        return "\n".join([self._ownform(target), *sorted(links)])


def _is_in(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == p or module.startswith(f"{p}.") for p in packages)
