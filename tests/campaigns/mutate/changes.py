"""The changes that can be made to a module, as text: each replaces a piece of the source and keeps its lines."""

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

_NEIGHBOURS: Final[dict[type[ast.AST], tuple[str, str]]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "//"),
    ast.FloorDiv: ("//", "*"),
    ast.Div: ("/", "*"),
    ast.Mod: ("%", "//"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
    ast.BitOr: ("|", "&"),
    ast.BitAnd: ("&", "|"),
}
_NEGATIONS: Final = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)
"""Their neighbour is their negation."""
_TWINS: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}
_QUERIES: Final = (
    (re.compile(r"ORDER BY (\w+)"), r"ORDER BY -\1"),
    (re.compile(r"NOT IN"), "IN"),
    (re.compile(r" <= "), " < "),
    (re.compile(r" > "), " >= "),
    (re.compile(r" > 0"), " > 1"),
)
"""In texts that are SQL."""
_SIMPLE: Final = (ast.Expr, ast.AugAssign, ast.Assign, ast.Delete)
"""Statements that may be swapped."""
_LARGE: Final = 50
"""A number from which on one more or less is no difference; twice and half of it are."""
_SPOKEN: Final = re.compile(r"(self\.)?_?(log|events)\.")
"""What is said to people."""


class Change(NamedTuple):
    """One change.

    :ivar function: the qualified name of the function it is in; empty: none.
    :ivar text: what is read before and after, the same for ever as long as that piece of code stays.
    :ivar body: the first and the last line of the function that runs it; ``None``: it is run at the import.
    :ivar first: of the bytes that are replaced by ``new``.
    """

    line: int
    function: str
    text: str
    body: tuple[int, int] | None
    first: int
    behind: int
    new: str

    def made_in(self, source: str) -> str:
        """The whole module with it."""
        old = source.encode()
        return (old[: self.first] + self.new.encode() + old[self.behind :]).decode()

    @property
    def key(self) -> str:
        """The name of a change in a list."""
        return f"{self.function}: {self.text}" if self.function else self.text


@dataclass
class _Finder:
    """Walks a module."""

    source: str

    def __post_init__(self) -> None:
        self._lines = [0]
        for line in self.source.encode().split(b"\n"):
            self._lines.append(self._lines[-1] + len(line) + 1)
        self._bytes = self.source.encode()
        self._seen: dict[tuple[str, str], int] = {}

    def find(self) -> Iterator[Change]:
        """All changes, in the order of the file."""
        yield from self._walk(ast.parse(self.source), "", None, None)

    def _walk(self, node: ast.AST, function: str, parent: ast.AST | None, body: tuple[int, int] | None) -> Iterator[Change]:
        if _is_skipped(node, function):
            return
        inner = function
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = f"{function}.{node.name}" if function else node.name
        for first, behind, new, shown in self._changes(node, function, parent):
            old = self._bytes[first:behind].decode()
            lines_lost = old.count("\n") - new.count("\n")
            ends = "\n" * lines_lost
            padded = f"({new}{ends})" if lines_lost and new != "pass" else new + ends
            text = shown or f"{_one_line(old)} → {_one_line(new)}"
            self._seen[function, text] = number = self._seen.get((function, text), 0) + 1
            named = text if number == 1 else f"{text} #{number}"
            yield Change(getattr(node, "lineno", 0), function, named, body, first, behind, padded)
        for child in _children(node):
            lines = body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and child in node.body:
                lines = node.body[0].lineno, node.body[-1].end_lineno or 0
            yield from self._walk(child, inner, node, lines)

    def _place(self, node: ast.AST) -> tuple[int, int]:
        assert isinstance(node, ast.expr | ast.stmt)
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._lines[node.lineno - 1] + node.col_offset, self._lines[node.end_lineno - 1] + node.end_col_offset

    def _text(self, node: ast.AST) -> str:
        first, behind = self._place(node)
        return self._bytes[first:behind].decode()

    def _changes(self, node: ast.AST, function: str, parent: ast.AST | None) -> Iterator[tuple[int, int, str, str]]:
        """First byte, byte behind, what stands there instead, and how that is shown where the piece alone says too little."""
        for kind, change in _KINDS:
            if isinstance(node, kind):
                yield from change(self, node, function, parent)

    def condition(self, node: ast.AST, *_: object) -> Iterator[tuple[int, int, str, str]]:
        tests = (
            node.ifs if isinstance(node, ast.comprehension) else [getattr(node, "test", None) or getattr(node, "value", None)]
        )
        for test in tests:
            if isinstance(node, ast.Return) and not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp):
                continue
            if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], _NEGATIONS):
                continue
            if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
                yield (*self._place(test), f"({self._text(test.operand)})", "")
            elif isinstance(test, ast.expr) and not isinstance(test, ast.Constant):
                yield (*self._place(test), f"not ({self._text(test)})", "")

    def operators(self, node: ast.AST, *_: object) -> Iterator[tuple[int, int, str, str]]:
        operators: Sequence[ast.cmpop | ast.operator]
        if isinstance(node, ast.Compare):
            operands, operators = [node.left, *node.comparators], node.ops
        else:
            assert isinstance(node, ast.BinOp)
            operands, operators = [node.left, node.right], [node.op]
        shown = self._text(node)
        for left, operator, right in zip(operands, operators, operands[1:], strict=False):
            if type(operator) not in _NEIGHBOURS or (isinstance(node, ast.BinOp) and (_is_text(left) or _is_text(right))):
                continue
            before, after = _NEIGHBOURS[type(operator)]
            first, behind = self._place(left)[1], self._place(right)[0]
            between = self._bytes[first:behind].decode()
            changed = between.replace(before, after, 1)
            start = first - self._place(node)[0]
            whole = shown.encode()
            after_text = whole[:start].decode() + changed + whole[start + len(between.encode()) :].decode()
            yield first, behind, changed, f"{_one_line(shown)} → {_one_line(after_text)}"

    def operands(self, node: ast.AST, *_: object) -> Iterator[tuple[int, int, str, str]]:
        assert isinstance(node, ast.BoolOp)
        word, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        texts = [f"({self._text(value)})" for value in node.values]
        yield (*self._place(node), "(" + f" {other} ".join(texts) + ")", "")
        for at in range(len(texts)):
            yield (*self._place(node), "(" + f" {word} ".join(texts[:at] + texts[at + 1 :]) + ")", "")

    def elements(self, node: ast.AST, function: str, *_: object) -> Iterator[tuple[int, int, str, str]]:
        assert isinstance(node, ast.Set | ast.Tuple)
        if len(node.elts) < 2 or (isinstance(node, ast.Tuple) and function):
            return
        texts = [self._text(element) for element in node.elts]
        opening, closing = "{}" if isinstance(node, ast.Set) else "()"
        for at, text in enumerate(texts):
            rest = ", ".join(texts[:at] + texts[at + 1 :]) + ","
            yield (*self._place(node), f"{opening}{rest}{closing}", f"without {_one_line(text)}")

    def dropped(self, node: ast.AST, *_: object) -> Iterator[tuple[int, int, str, str]]:
        if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Call | ast.Await):
            return
        if isinstance(node, ast.Assign) and not isinstance(node.targets[0], ast.Attribute | ast.Subscript):
            return
        if isinstance(node, ast.Return) and node.value is not None:
            return
        if _SPOKEN.match(text := self._text(node)):
            return
        yield (*self._place(node), "pass", f"{_one_line(text)} dropped")

    def constant(self, node: ast.AST, _: str, parent: ast.AST | None) -> Iterator[tuple[int, int, str, str]]:
        assert isinstance(node, ast.Constant)
        value = node.value
        if isinstance(value, bool):
            news = [str(not value)]
        elif isinstance(value, int) and value >= _LARGE:
            news = [str(2 * value), str(value // 2)]
        elif isinstance(value, int):
            news = [str(value + 1), *([str(value - 1)] if value else [])]
        elif isinstance(value, str):
            yield from self.query(node)
            return
        else:
            return
        around = self._text(parent) if isinstance(parent, ast.expr | ast.stmt) else ""
        first, behind = self._place(node)
        for new in news:
            shown = ""
            if around and "\n" not in around and isinstance(parent, ast.expr | ast.stmt):
                start = first - self._place(parent)[0]
                whole = around.encode()
                shown = f"{around} → {whole[:start].decode()}{new}{whole[start + behind - first :].decode()}"
            yield first, behind, new, shown

    def query(self, node: ast.AST, *_: object) -> Iterator[tuple[int, int, str, str]]:
        text = self._text(node)
        if not re.search(r"\b(SELECT|DELETE|UPDATE)\b", text):
            return
        first, _behind = self._place(node)
        for pattern, new in _QUERIES:
            for match in pattern.finditer(text):
                start = first + len(text[: match.start()].encode())
                yield start, start + len(match[0].encode()), match.expand(new), ""

    def slice(self, node: ast.AST, *_: object) -> Iterator[tuple[int, int, str, str]]:
        assert isinstance(node, ast.Subscript)
        if isinstance(node.slice, ast.Slice):
            whole = self._text(node)
            for bound in (node.slice.lower, node.slice.upper):
                if bound is not None:
                    yield (*self._place(bound), " ", f"{_one_line(whole)} without {_one_line(self._text(bound))}")

    def swapped_arguments(self, node: ast.AST, function: str, *_: object) -> Iterator[tuple[int, int, str, str]]:
        assert isinstance(node, ast.Call)
        whole = self._text(node)
        if (
            not function
            or _SPOKEN.match(whole)
            or (isinstance(node.func, ast.Name) and node.func.id in {*_TWINS, "isinstance"})
        ):
            return
        for left, right in pairwise(node.args):
            texts = self._text(left), self._text(right)
            if _kind(left) is _kind(right) and texts[0] != texts[1]:
                yield (*self._swapped(left, right), f"{_one_line(whole)}: {' ⇄ '.join(map(_one_line, texts))}")

    def swapped_statements(self, node: ast.AST, function: str, parent: ast.AST | None) -> Iterator[tuple[int, int, str, str]]:
        if not function or isinstance(parent, ast.ClassDef):
            return
        lists = [getattr(parent, name, None) for name in ("body", "orelse", "finalbody")]
        behind_it = [two for list_ in lists if isinstance(list_, list) for one, two in pairwise(list_) if one is node]
        if behind_it and isinstance(behind_it[0], _SIMPLE) and _can_be_swapped(node, behind_it[0]):
            texts = self._text(node), self._text(behind_it[0])
            if not any(map(_SPOKEN.match, texts)):
                yield (*self._swapped(node, behind_it[0]), " ⇄ ".join(map(_one_line, texts)))

    def _swapped(self, left: ast.AST, right: ast.AST) -> tuple[int, int, str]:
        first, behind = self._place(left)[0], self._place(right)[1]
        between = self._bytes[self._place(left)[1] : self._place(right)[0]].decode()
        return first, behind, self._text(right) + between + self._text(left)

    def twin(self, node: ast.AST, *_: object) -> Iterator[tuple[int, int, str, str]]:
        assert isinstance(node, ast.Call)
        if isinstance(node.func, ast.Name) and node.func.id in _TWINS:
            other = _TWINS[node.func.id]
            yield (*self._place(node.func), other, f"{_one_line(self._text(node))} → {other}")


_How = Callable[[_Finder, ast.AST, str, ast.AST | None], Iterator[tuple[int, int, str, str]]]
_KINDS: Final[list[tuple[type[ast.AST] | tuple[type[ast.AST], ...], _How]]] = [
    ((ast.If, ast.While, ast.IfExp, ast.comprehension, ast.Return), _Finder.condition),
    ((ast.Compare, ast.BinOp), _Finder.operators),
    (ast.BoolOp, _Finder.operands),
    ((ast.Set, ast.Tuple), _Finder.elements),
    (
        (ast.Expr, ast.AugAssign, ast.Assign, ast.Delete, ast.Raise, ast.Break, ast.Continue, ast.Return),
        _Finder.dropped,
    ),
    (ast.Constant, _Finder.constant),
    (ast.JoinedStr, _Finder.query),
    (ast.Subscript, _Finder.slice),
    (ast.Call, _Finder.twin),
    (ast.Call, _Finder.swapped_arguments),
    (_SIMPLE, _Finder.swapped_statements),
]


def changes(source: str) -> list[Change]:
    """All changes that can be made to a module."""
    return list(_Finder(source).find())


def _is_skipped(node: ast.AST, function: str) -> bool:
    """Imports and types change nothing at run time, and what is said to people decides nothing."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Assert):
        return True
    if isinstance(node, ast.Subscript) and not function:
        return True
    if isinstance(node, ast.keyword) and node.arg == "strict":  # of zip: a check of ourselves
        return True
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _kind(argument: ast.expr) -> type:
    """Of another kind it is likely of another type too, which mypy notices."""
    if isinstance(argument, ast.Constant):
        return type(argument.value)
    return ast.Name if isinstance(argument, ast.Attribute) else type(argument)


def _can_be_swapped(one: ast.AST, two: ast.AST) -> bool:
    """Tell if neither makes a name that the other knows, and their order may be seen: both do something, one for good."""
    known, made, calls, does, lasts = [], [], [], [], []
    for statement in (one, two):
        inside = list(ast.walk(statement))
        names = [node for node in inside if isinstance(node, ast.Name)]
        known.append({name.id for name in names})
        made.append({name.id for name in names if not isinstance(name.ctx, ast.Load)})
        is_kept = any(isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load) for node in inside)
        is_called = any(isinstance(node, ast.Call) for node in inside)
        does.append(is_called or is_kept)
        lasts.append(is_kept or isinstance(statement, ast.Expr) or any(isinstance(node, ast.Await) for node in inside))
        calls.append(is_called)
    is_independent = not (known[0] & made[1] or known[1] & made[0])
    return is_independent and all(does) and any(lasts) and any(calls)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "bases", "keywords"} and not isinstance(node, ast.Call):
            continue
        if isinstance(node, ast.JoinedStr):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield child


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _one_line(text: str) -> str:
    return " ".join(text.split())
