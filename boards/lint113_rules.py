# SPDX-License-Identifier: MIT
"""The rules of lint113.py on syntax, names and calls: a name, a reason, where that is known from, and a check.

A check gets a node and its `File`, and answers what it has seen: "" for nothing.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass

import lint113_tables as tables
from lint113_file import File, called, constant_int, parts_of_module
from lint113_tables import CONFIG, DOCS, SYNTAX, TRIED


@dataclass(frozen=True)
class Rule:
    """One rule. `kinds`: the nodes that `check` is asked about."""

    name: str
    reason: str
    source: str
    kinds: tuple[type, ...]
    check: Callable[[ast.AST, File], str]


RULES: dict[str, Rule] = {}


def rule(name: str, reason: str, source: str, *kinds: type):
    """Decorator: put a check into RULES."""

    def register(check):
        RULES[name] = Rule(name, reason, source, kinds, check)
        return check

    return register


# syntax --------------------------------------------------------------------------------------------


@rule("f-string", "the parser has none: use % or +", SYNTAX, ast.JoinedStr)
def _f_string(node, file):
    return "" if isinstance(file.parent(node), ast.FormattedValue) else "f-string"


@rule("walrus", "EC600S's firmware calls itself 1.12, which has no :=", DOCS, ast.NamedExpr)
def _walrus(node, file):
    return ":="


@rule("positional-only", "a / among parameters", SYNTAX, ast.arguments)
def _positional_only(node, file):
    return "/" if node.posonlyargs else ""


@rule("match", "match came with Python 3.10", SYNTAX, ast.Match)
def _match(node, file):
    return "match"


@rule("except-star", "exception groups came with Python 3.11", SYNTAX, ast.TryStar)
def _except_star(node, file):
    return "except*"


@rule("star", "* and ** in calls, once each, and as target only", SYNTAX, ast.Starred, ast.Dict, ast.Call)
def _star(node, file):
    if isinstance(node, ast.Dict):
        return "** in a dict" if None in node.keys else ""
    if isinstance(node, ast.Call):
        stars = [isinstance(item, ast.Starred) for item in node.args]
        pairs = [word.arg is None for word in node.keywords]
        if sum(stars) > 1 or sum(pairs) > 1:
            return "two of them in a call"
        return "a positional argument behind *" if True in stars and not stars[-1] else ""
    if isinstance(node.ctx, ast.Store) or isinstance(file.parent(node), ast.Call):
        return ""
    return "* in a tuple, list or index"


@rule("decorator", "a decorator is a dotted name or a call of one", SYNTAX, ast.FunctionDef, ast.ClassDef)
def _decorator(node, file):
    for item in node.decorator_list:
        name = item.func if isinstance(item, ast.Call) else item
        while isinstance(name, ast.Attribute):
            name = name.value
        if not isinstance(name, ast.Name):
            return "@" + ast.unparse(item)
    return ""


@rule("unicode-escape", "str is bytes: a character above 0xFF has no escape", SYNTAX, ast.Constant)
def _unicode_escape(node, file):
    if not isinstance(node.value, str) or node.value.isascii():
        return ""
    text = file.segment(node)
    return "\\u or \\N" if "\\u" in text or "\\U" in text or "\\N{" in text else ""


@rule("const", "const() takes an integer made of literals and earlier constants", SYNTAX, ast.Call)
def _const(node, file):
    if called(node) != "const" or not node.args:
        return ""
    for item in ast.walk(node.args[0]):
        if isinstance(item, (ast.Call, ast.Attribute)):
            return ast.unparse(item)
        if isinstance(item, ast.Constant) and type(item.value) is not int:
            return repr(item.value)
        if isinstance(item, ast.Name) and item.id not in file.constants:
            return item.id
    return ""


@rule("async", "the Python half of uasyncio is not on the modules", DOCS, ast.AsyncFunctionDef, ast.Await)
def _async(node, file):
    return "async"


@rule("native", "native code of another processor only (EMIT_XTENSAWIN)", CONFIG, ast.FunctionDef)
def _native(node, file):
    for item in node.decorator_list:
        if isinstance(item, ast.Attribute) and item.attr in tables.NATIVE:
            return "@" + item.attr
    return ""


# names ---------------------------------------------------------------------------------------------


@rule("no-builtin", "not built in: a NameError, in an `except` when the first exception comes", TRIED, ast.Name)
def _no_builtin(node, file):
    missing = isinstance(node.ctx, ast.Load) and node.id in tables.BUILTINS and node.id not in file.bound
    return node.id if missing else ""


@rule("no-method", "str, bytes, int, dict or a hash has no such method", TRIED, ast.Attribute)
def _no_method(node, file):
    return "." + node.attr if node.attr in tables.METHODS and node.attr not in file.methods else ""


@rule("bytearray-method", "a bytearray has append, extend and decode only", TRIED, ast.Attribute)
def _bytearray_method(node, file):
    return "." + node.attr if node.attr in tables.BYTEARRAY_METHODS and file.is_bytearray(node.value) else ""


@rule("no-attribute", "the module has no such name", TRIED, ast.Attribute, ast.ImportFrom)
def _no_attribute(node, file):
    if isinstance(node, ast.ImportFrom):
        guarded = file.guarded(node)
        wanted = [(parts_of_module(node.module), item.name) for item in node.names]
    else:
        guarded = False
        wanted = [(parts_of_module(file.imported.get(getattr(node.value, "id", None))), node.attr)]
    found = [f"{module}.{name}" for module, name in wanted if (module, name) in tables.ATTRIBUTES]
    return "" if guarded else ", ".join(found)


@rule("errno-attribute", "an OSError has args[0] only", TRIED, ast.Attribute)
def _errno(node, file):
    return ".errno" if node.attr == "errno" and isinstance(node.ctx, ast.Load) else ""


@rule("u-name", "weak links are off: try `import uX as X`, except `import X`", CONFIG, ast.Import, ast.ImportFrom)
def _u_name(node, file):
    names = [node.module] if isinstance(node, ast.ImportFrom) else [item.name for item in node.names]
    for name in names:
        if name in tables.U_NAMES and not file.tries("u" + name, node):
            return name
        if name == "usys" and not file.alone(node):
            return "usys together with others, which older firmware lacks"
    return ""


@rule("no-module", "not on the modules", DOCS, ast.Import, ast.ImportFrom)
def _no_module(node, file):
    names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [item.name for item in node.names]
    found = [name for name in names if name.split(".")[0] in tables.NO_MODULES]
    return "" if file.guarded(node) else ", ".join(found)


# calls ---------------------------------------------------------------------------------------------


@rule("next-default", "next() takes one argument", TRIED, ast.Call)
def _next_default(node, file):
    return "next" if isinstance(node.func, ast.Name) and called(node) == "next" and len(node.args) > 1 else ""


@rule("keyword", "takes no keyword arguments", TRIED, ast.Call)
def _keyword(node, file):
    name = called(node)
    words = [word.arg for word in node.keywords if word.arg]
    return f"{name}({words[0]}=)" if words and name in tables.NO_KEYWORDS and name not in file.methods else ""


@rule("prefix-tuple", "startswith and endswith take one string, endswith no position", TRIED, ast.Call)
def _prefix_tuple(node, file):
    if called(node) not in ("startswith", "endswith") or not isinstance(node.func, ast.Attribute) or not node.args:
        return ""
    if isinstance(node.args[0], ast.Tuple):
        return "a tuple"
    return "a position" if called(node) == "endswith" and len(node.args) > 1 else ""


@rule("to-bytes", "an integer that does not fit is cut off without an error", TRIED, ast.Call)
def _to_bytes(node, file):
    if called(node) != "to_bytes" or not isinstance(node.func, ast.Attribute) or not node.args:
        return ""
    value, length = node.func.value, constant_int(node.args[0])
    if length is not None:
        if isinstance(value, ast.Constant) and value.value < 256**length:
            return ""
        mask = isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitAnd) and constant_int(value.right)
        if mask is not False and mask is not None and 0 <= mask < 256**length:
            return ""
    return f"{ast.unparse(value)} to {ast.unparse(node.args[0])} bytes"


@rule("chr", "chr() takes 0 to 255: str is bytes", TRIED, ast.Call)
def _chr(node, file):
    if called(node) != "chr" or not isinstance(node.func, ast.Name) or not node.args:
        return ""
    value = node.args[0]
    masked = value.right if isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitAnd) else value
    return "" if constant_int(masked) in range(256) else ast.unparse(node)


@rule("digest-twice", "a second digest() of a hash is another value, without an error", TRIED, ast.FunctionDef)
def _digest_twice(node, file):
    names = [
        ast.unparse(item.func.value)
        for item in ast.walk(node)
        if isinstance(item, ast.Call) and isinstance(item.func, ast.Attribute) and item.func.attr == "digest"
        if isinstance(item.func.value, (ast.Name, ast.Attribute)) and not item.args
    ]
    twice = sorted({name for name in names if names.count(name) > 1})
    return ", ".join(twice)


@rule("open-mode", 'open() has no mode "x"', DOCS, ast.Call)
def _open_mode(node, file):
    modes = [item.value for item in node.args[1:2] if isinstance(item, ast.Constant)]
    return "open" if called(node) == "open" and any("x" in str(mode) for mode in modes) else ""


@rule("urandom", "os.urandom is libc's rand(): who knows its start knows all", "moduos.c there", ast.Attribute)
def _urandom(node, file):
    module = parts_of_module(file.imported.get(getattr(node.value, "id", None)))
    return "urandom" if (module, node.attr) == ("os", "urandom") else ""


# classes and functions -----------------------------------------------------------------------------


@rule("class-hook", "never called", TRIED, ast.ClassDef)
def _class_hook(node, file):
    found = [item.name for item in node.body if isinstance(item, ast.FunctionDef) and item.name in tables.HOOKS]
    return ", ".join(found)


@rule("function-attribute", "a function has no attributes, __name__ neither", TRIED, ast.Attribute)
def _function_attribute(node, file):
    name = node.value.id if isinstance(node.value, ast.Name) else None
    return ast.unparse(node) if name in file.functions - file.classes - file.assigned else ""
