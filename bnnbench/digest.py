"""Digests of settings and of source code, without importing the code.

A cell's key must change when anything that shapes its result changes, and must not change when a comment or a
docstring does. So source enters as its syntax tree with docstrings removed, never as text.
"""

import ast
import hashlib
import json
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent


def of_value(value) -> str:
    """Digest (16 hex digits) of a JSON-like value; the order of dictionary keys does not matter."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


@cache
def _tree(relative_path: str) -> ast.Module:
    tree = ast.parse((PACKAGE / relative_path).read_text())
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and body and _is_docstring(body[0]):
            node.body = body[1:] or [ast.Pass()]
    return tree


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@cache
def of_package(*relative_paths: str) -> str:
    """Digest of source files of the package; a folder stands for the Python files in it."""
    files = []
    for path in relative_paths:
        full = PACKAGE / path
        files += sorted(full.rglob("*.py")) if full.is_dir() else [full]
    return of_value([_dump(str(file.relative_to(PACKAGE))) for file in files])


@cache
def _dump(relative_path: str) -> str:
    return ast.dump(_tree(relative_path))


@cache
def imported(relative_path: str) -> tuple[str, ...]:
    """Modules of the package that a source file imports, directly or through others, as relative paths."""
    found, todo = set(), [relative_path]
    while todo:
        new = _imported_directly(todo.pop()) - found
        found |= new
        todo += new
    return tuple(sorted(found))


@cache
def _imported_directly(relative_path: str) -> frozenset[str]:
    names = []
    for node in ast.walk(_tree(relative_path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE.name:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names if alias.name.startswith(f"{PACKAGE.name}.")]
    files = {f"{name.replace('.', '/').partition('/')[2]}.py" for name in names}
    return frozenset(f for f in files if (PACKAGE / f).is_file())


@cache
def of_class(relative_path: str, class_name: str) -> str:
    """Digest of one class of a source file and of those that it names, so that adding its neighbour changes nothing."""
    nodes = {node.name: node for node in _tree(relative_path).body if isinstance(node, ast.ClassDef)}
    if class_name not in nodes:
        raise KeyError(f"{relative_path} has no class {class_name}")
    found, todo = {}, [class_name]
    while todo:
        name = todo.pop()
        if name in nodes and name not in found:
            found[name] = ast.dump(nodes[name])
            todo += [part.id for part in ast.walk(nodes[name]) if isinstance(part, ast.Name)]
    return of_value(found)


@cache
def classes(relative_path: str, base: str) -> dict[str, str]:
    """`{name: class}` of the subclasses of `base` in a source file, `name` being their class attribute."""
    found = {}
    for node in _tree(relative_path).body:
        if isinstance(node, ast.ClassDef) and any(isinstance(b, ast.Name) and b.id == base for b in node.bases):
            for statement in node.body:
                if isinstance(statement, ast.Assign) and statement.targets[0].id == "name":
                    found[statement.value.value] = node.name
    return found


@cache
def dataclass_fields(relative_path: str) -> list[str]:
    """Names of the annotated fields of the class that a file names in METHOD or PROBE, inherited ones first."""
    body = _tree(relative_path).body
    (name,) = [s.value.id for s in body if isinstance(s, ast.Assign) and s.targets[0].id in ("METHOD", "PROBE")]
    return list(dict.fromkeys(_fields(relative_path, name)))


def _fields(relative_path: str, class_name: str) -> list[str]:
    body, found = _tree(relative_path).body, []
    (cls,) = [node for node in body if isinstance(node, ast.ClassDef) and node.name == class_name]
    for base in (b.id for b in cls.bases if isinstance(b, ast.Name)):
        if any(isinstance(node, ast.ClassDef) and node.name == base for node in body):
            found += _fields(relative_path, base)
        for node in body:
            if isinstance(node, ast.ImportFrom) and base in [alias.name for alias in node.names]:
                found += _fields(f"{node.module.replace('.', '/').partition('/')[2]}.py", base)
    return found + [s.target.id for s in cls.body if isinstance(s, ast.AnnAssign) and cls.decorator_list]


def modules(folder: str) -> list[str]:
    """Names of the public modules in a folder of the package: one file each, so the listing is the catalogue."""
    return sorted(f.stem for f in (PACKAGE / folder).glob("*.py") if not f.stem.startswith("_"))


def of_files(*paths: str | Path) -> str:
    """Digest of the bytes of files outside the package (templates, notebooks, style sheets)."""
    return of_value([hashlib.sha256(Path(p).read_bytes()).hexdigest() for p in sorted(map(str, paths))])
