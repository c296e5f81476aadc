# SPDX-License-Identifier: MIT
"""The rules of lint113.py on values: big integers, the order of a dict, slices, patterns and formats."""

import ast

import lint113_tables as tables
from lint113_file import called, small
from lint113_rules import rule
from lint113_tables import CONFIG, TRIED

ISSUE_6777 = "MicroPython issue 6777, fixed in 1.15; " + TRIED
_ORDERED = ("append", "extend", "write", "update", "send", "publish", "print", "insert")
_UNORDERED_TAKERS = {"sorted", "set", "dict", "sum", "any", "all", "min", "max", "len"}

# numbers -------------------------------------------------------------------------------------------


_DIVISION = "dividing big integers is wrong and can loop for ever: floor_divide, or say why all is small"


@rule("division", _DIVISION, ISSUE_6777, ast.BinOp, ast.AugAssign, ast.Call)
def _division(node, file):
    if isinstance(node, ast.Call):
        name = called(node) if isinstance(node.func, ast.Name) else ""
        return name if name == "divmod" or name == "pow" and len(node.args) > 2 else ""
    if not isinstance(node.op, (ast.FloorDiv, ast.Mod)):
        return ""
    left, right = (node.target, node.value) if isinstance(node, ast.AugAssign) else (node.left, node.right)
    if isinstance(node.op, ast.Mod) and (file.is_text(left) or isinstance(right, (ast.Tuple, ast.Dict))):
        return ""  # formats a string
    return "" if small(left) and small(right) else ast.unparse(node)


@rule("inverse", "pow() with a negative exponent and a modulus is 0", TRIED, ast.Call)
def _inverse(node, file):
    return "pow" if called(node) == "pow" and len(node.args) > 2 and isinstance(node.args[1], ast.UnaryOp) else ""


@rule("negative-zero", "a negated big 0 keeps its sign: |, & and ^ are wrong", "issue 8042; " + TRIED, ast.BinOp)
def _negative_zero(node, file):
    if not isinstance(node.op, (ast.BitOr, ast.BitAnd, ast.BitXor)):
        return ""
    for side in (node.left, node.right):
        if isinstance(side, ast.UnaryOp) and isinstance(side.op, ast.USub) and not small(side.operand):
            return ast.unparse(node)
    return ""


# order and containers ------------------------------------------------------------------------------


_ORDER = "a dict or set has no order, and here it decides one: sorted()"


@rule("dict-order", _ORDER, TRIED, ast.For, ast.ListComp, ast.GeneratorExp)
def _dict_order(node, file):
    if isinstance(node, ast.For):
        made = [item for item in node.body if _makes_an_order(item)]
        return ast.unparse(node.iter) if made and file.is_dict_view(node.iter) else ""
    above = file.parent(node)
    if isinstance(node.elt, ast.Constant):
        return ""
    if isinstance(above, ast.Call) and node in above.args and called(above) in _UNORDERED_TAKERS:
        return ""
    found = [ast.unparse(part.iter) for part in node.generators if file.is_dict_view(part.iter)]
    return ", ".join(found)


def _makes_an_order(body: ast.AST) -> bool:
    """Whether the order in which `body` runs is seen in what it makes."""
    for item in ast.walk(body):
        if isinstance(item, (ast.Yield, ast.YieldFrom)):
            return True
        if isinstance(item, ast.Call) and called(item) in _ORDERED:
            return True
        if isinstance(item, ast.AugAssign) and isinstance(item.op, ast.Add):
            value = item.value
            if isinstance(value, ast.Call) or isinstance(value, ast.Constant) and isinstance(value.value, (str, bytes)):
                return True
    return False


@rule("dict-union", "a dict has no |", TRIED, ast.BinOp)
def _dict_union(node, file):
    dicts = [isinstance(side, (ast.Dict, ast.DictComp)) or called(side) == "dict" for side in (node.left, node.right)]
    return ast.unparse(node) if isinstance(node.op, ast.BitOr) and any(dicts) else ""


_SLICE = "a bytearray, array or memoryview takes no slice: loop, or build it anew"


@rule("slice-assignment", _SLICE, TRIED, ast.Assign, ast.AugAssign, ast.Delete)
def _slice_assignment(node, file):
    targets = [node.target] if isinstance(node, ast.AugAssign) else node.targets
    for target in targets:
        if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Slice):
            return ast.unparse(target)
    return ""


# regular expressions and formats -------------------------------------------------------------------


@rule("re-count", "{n} is no count in ure: the pattern matches nothing, without an error", TRIED, ast.Call)
def _re_count(node, file):
    pattern = file.pattern(node)
    return pattern if any(f"{{{digit}" in pattern for digit in "0123456789,") else ""


@rule("re-syntax", "ure has no \\b, no flags, no look-around, no names, and no \\d within []", TRIED, ast.Call)
def _re_syntax(node, file):
    pattern = file.pattern(node)
    plain = pattern.replace("(?:", "(")
    if "\\b" in pattern or "\\B" in pattern or "(?" in plain:
        return pattern
    inside = plain.split("[")[1:]
    return pattern if any("\\" in part.split("]")[0] for part in inside) else ""


@rule("re-match", "a match has group() only", CONFIG, ast.Attribute)
def _re_match(node, file):
    uses = file.uses_module("re")
    return "." + node.attr if uses and node.attr in tables.MATCH_METHODS and node.attr not in file.methods else ""


@rule("format-field", "format() takes no attribute or index in a field", TRIED, ast.Call)
def _format_field(node, file):
    text = node.func.value if isinstance(node.func, ast.Attribute) and called(node) == "format" else None
    if not isinstance(text, ast.Constant) or not isinstance(text.value, str):
        return ""
    fields = [part.split("}")[0].split(":")[0] for part in text.value.split("{")[1:]]
    return ", ".join(field for field in fields if "." in field or "[" in field)
