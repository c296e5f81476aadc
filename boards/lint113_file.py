# SPDX-License-Identifier: MIT
"""What the rules of lint113.py ask about a file: its names, what is around a node, which values are small."""

import ast

SMALL = 0x3FFFFFFF  # the largest small integer of a 32-bit MicroPython

_VIEWS = ("items", "keys", "values")


def called(node: ast.AST) -> str:
    """The name of the function or method that a call calls, "" for anything else."""
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def constant_int(node: ast.AST) -> int | None:
    """The value of an expression of integer literals, else None."""
    if any(not isinstance(item, (ast.expr, ast.operator, ast.unaryop, ast.expr_context)) for item in ast.walk(node)):
        return None
    if any(isinstance(item, (ast.Name, ast.Call, ast.Attribute, ast.Subscript)) for item in ast.walk(node)):
        return None
    try:
        value = eval(compile(ast.Expression(node), "", "eval"), {"__builtins__": {}})
    except (ValueError, TypeError, ArithmeticError, SyntaxError):
        return None
    return value if type(value) is int else None


def small(node: ast.AST) -> bool:
    """Whether a value is a small integer as anybody can see: a literal, a length, a few bits, a sum of such."""
    value = constant_int(node)
    if value is not None:
        return -SMALL <= value <= SMALL
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.BitAnd):
            return small(node.left) or small(node.right)
        if isinstance(node.op, (ast.Add, ast.Sub)):
            return small(node.left) and small(node.right)
        return isinstance(node.op, (ast.FloorDiv, ast.Mod, ast.RShift)) and small(node.left) and small(node.right)
    return called(node) in ("len", "ord")


def parts_of_module(name: str | None) -> str:
    """A built-in module's plain name: `uos` is `os`."""
    name = name or ""
    return name[1:] if name.startswith("u") and name not in ("umqtt", "uctypes") else name


class File:
    """One parsed file.

    `bound`: names that it binds; `functions` (classes too), `classes`, `methods`: that it defines; `assigned`:
    variables; `imported`: {name: module}; `constants`: names that are `const(…)`.
    """

    def __init__(self, tree: ast.Module, text: str) -> None:
        self._text = text
        self._parents = {id(child): node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        self._bytearrays: set[str] = set()
        self._dicts: set[str] = set()
        self.imported: dict[str | None, str] = {}
        self.functions: set[str] = set()
        self.classes: set[str] = set()
        self.methods: set[str] = set()
        self.assigned: set[str] = set()
        self.constants: set[str] = set()
        for node in ast.walk(tree):
            self._learn(node)
        self.bound = self.functions | self.assigned | {name for name in self.imported if name}

    def _learn(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for item in node.names:
                self.imported[item.asname or item.name.split(".")[0]] = item.name
        elif isinstance(node, ast.ImportFrom):
            for item in node.names:
                self.imported[item.asname or item.name] = f"{node.module}.{item.name}"
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            within = isinstance(self.parent(node), ast.ClassDef)
            (self.methods if within else self.functions).add(node.name)
            if isinstance(node, ast.ClassDef):
                self.classes.add(node.name)
        elif isinstance(node, ast.arg):
            self.assigned.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            self.assigned.add(node.id)
        elif isinstance(node, ast.Assign):
            self._learn_value([ast.unparse(target) for target in node.targets], node.value)

    def _learn_value(self, names: list[str], value: ast.AST) -> None:
        if called(value) == "const":
            self.constants.update(names)
        elif called(value) == "bytearray":
            self._bytearrays.update(names)
        elif isinstance(value, (ast.Dict, ast.DictComp, ast.Set, ast.SetComp)) or called(value) in ("dict", "set"):
            self._dicts.update(names)

    def parent(self, node: ast.AST) -> ast.AST | None:
        """The node around a node."""
        return self._parents.get(id(node))

    def segment(self, node: ast.AST) -> str:
        """The text of a node."""
        return ast.get_source_segment(self._text, node) or ""

    def _tries(self, node: ast.AST):
        """The `try` statements around a node that catch an ImportError."""
        above = self.parent(node)
        while above is not None:
            if isinstance(above, ast.Try) and any("ImportError" in ast.dump(item) for item in above.handlers):
                yield above
            above = self.parent(above)

    def guarded(self, node: ast.AST) -> bool:
        """Whether an import may fail."""
        return any(True for _ in self._tries(node))

    def tries(self, module: str, node: ast.AST) -> bool:
        """Whether the `try` around an import tries `module` too."""
        for around in self._tries(node):
            for item in ast.walk(around):
                if isinstance(item, ast.ImportFrom) and item.module == module:
                    return True
                if isinstance(item, ast.Import) and module in [name.name for name in item.names]:
                    return True
        return False

    def alone(self, node: ast.AST) -> bool:
        """Whether an import is all that its `try` tries."""
        return all(around.body == [node] for around in self._tries(node))

    def uses_module(self, name: str) -> bool:
        """Whether the built-in module is imported, under either name."""
        return name in {parts_of_module(module) for module in self.imported.values()}

    def is_bytearray(self, node: ast.AST) -> bool:
        """Whether a name or attribute is given a bytearray anywhere in this file."""
        return called(node) == "bytearray" or ast.unparse(node) in self._bytearrays

    def is_dict_view(self, node: ast.AST) -> bool:
        """Whether one goes through a dict or set: its views, a display, a name that is given one in this file."""
        if isinstance(node, (ast.Dict, ast.DictComp, ast.Set, ast.SetComp)):
            return True
        if called(node) in _VIEWS and isinstance(node, ast.Call):
            return isinstance(node.func, ast.Attribute) and not node.args
        if called(node) in ("list", "tuple", "enumerate") and isinstance(node, ast.Call) and node.args:
            return self.is_dict_view(node.args[0])
        return isinstance(node, (ast.Name, ast.Attribute)) and ast.unparse(node) in self._dicts

    def is_text(self, node: ast.AST) -> bool:
        """Whether a value is a string or bytes as anybody can see."""
        if isinstance(node, ast.BinOp):
            return self.is_text(node.left) or self.is_text(node.right)
        text = isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))
        return text or isinstance(node, ast.JoinedStr)

    def pattern(self, node: ast.AST) -> str:
        """The regular expression of a call of `re`, "" for other calls."""
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
            return ""
        module = parts_of_module(self.imported.get(getattr(node.func.value, "id", None)))
        value = node.args[0].value if isinstance(node.args[0], ast.Constant) else ""
        if module != "re" or node.func.attr not in ("compile", "match", "search"):
            return ""
        return value.decode("latin-1") if isinstance(value, bytes) else str(value)
