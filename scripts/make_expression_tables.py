"""Writes pyhttpd/expr/tables.py, an LALR(1) parser's tables, from the grammar in pyhttpd/expr/expression.lark.

The tables are those that yacc and Bison make, default reductions included, so that a syntax error is found at the same
token and lists the same expected tokens as Apache's. A conflict is settled by PRECEDENCE or ends the program.

Usage: make_expression_tables.py, after each change of the grammar.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from lark import Lark

GRAMMAR = Path(__file__).parent.parent / "pyhttpd" / "expr" / "expression.lark"
OUTPUT = GRAMMAR.with_name("tables.py")
PRECEDENCE = ("T_OP_OR", "T_OP_AND", "T_OP_NOT", "T_OP_CONCAT")
"""From the weakest to the strongest; all bind to the right."""
LITERALS = {"LPAR": "(", "RPAR": ")", "LBRACE": "{", "RBRACE": "}", "COMMA": ",", "COLON": ":"}
END = ""
"""The name of the end of the text."""


class Rule(NamedTuple):
    origin: str
    body: tuple[str, ...]
    action: str


class Item(NamedTuple):
    rule: int
    dot: int


class State(NamedTuple):
    """What the parser does in a state, by the next token: shift to a state (>= 0) or reduce by a rule (~rule).

    `default` is the reduction for every token that is not listed; None: they are errors.
    """

    actions: dict[str, int]
    default: int | None
    gotos: dict[str, int]


def read_grammar(text: str) -> tuple[list[Rule], list[str]]:
    """The rules, the first one that of the start symbol with the end of the text; and the tokens in their order."""
    grammar = Lark(text, parser="earley", lexer="basic")
    rules = [Rule("$accept", ("start", END), "")]
    for rule in grammar.rules:
        body = tuple(LITERALS.get(symbol.name, symbol.name) for symbol in rule.expansion)
        rules.append(Rule(str(rule.origin.name), body, str(rule.alias)))
    declared = [word for line in text.splitlines() if line.startswith("%declare") for word in line.split()[1:]]
    return rules, [END, *declared, *LITERALS.values()]


class Generator:
    """Makes the states of an LALR(1) parser: LR(0) item sets, then lookaheads handed on until nothing changes."""

    def __init__(self, rules: list[Rule], tokens: list[str]) -> None:
        self.rules = rules
        self.tokens = tokens
        self.by_origin: dict[str, list[int]] = {}
        for number, rule in enumerate(rules):
            self.by_origin.setdefault(rule.origin, []).append(number)
        self.first = self._first_sets()

    def _first_sets(self) -> dict[str, set[str]]:
        """No rule is empty, so a rule begins with what its first symbol begins with."""
        first = {token: {token} for token in self.tokens} | {origin: set[str]() for origin in self.by_origin}
        changed = True
        while changed:
            changed = False
            for rule in self.rules:
                before = len(first[rule.origin])
                first[rule.origin] |= first[rule.body[0]]
                changed |= len(first[rule.origin]) != before
        return first

    def closure(self, kernel: dict[Item, set[str]]) -> dict[Item, set[str]]:
        items = {item: set(lookahead) for item, lookahead in kernel.items()}
        waiting = list(items)
        while waiting:
            item = waiting.pop()
            body = self.rules[item.rule].body
            if item.dot == len(body):
                continue
            after = self.first[body[item.dot + 1]] if item.dot + 1 < len(body) else items[item]
            for number in self.by_origin.get(body[item.dot], ()):
                inner = Item(number, 0)
                if inner not in items or not after <= items[inner]:
                    items[inner] = items.get(inner, set()) | after
                    waiting.append(inner)
        return items

    def states(self) -> list[State]:
        kernels: list[dict[Item, set[str]]] = [{Item(0, 0): {END}}]
        numbers = {frozenset(kernels[0]): 0}
        transitions: dict[int, dict[str, int]] = {}
        waiting = [0]
        while waiting:
            number = waiting.pop(0)
            moved: dict[str, dict[Item, set[str]]] = {}
            for item, lookahead in self.closure(kernels[number]).items():
                body = self.rules[item.rule].body
                if item.dot < len(body):
                    moved.setdefault(body[item.dot], {})[Item(item.rule, item.dot + 1)] = lookahead
            for symbol, kernel in moved.items():
                core = frozenset(kernel)
                if core not in numbers:
                    numbers[core] = len(kernels)
                    kernels.append({item: set() for item in kernel})
                target = numbers[core]
                transitions.setdefault(number, {})[symbol] = target
                grown = False
                for item, lookahead in kernel.items():
                    grown |= not lookahead <= kernels[target][item]
                    kernels[target][item] |= lookahead
                if (grown or target not in transitions) and target not in waiting:
                    waiting.append(target)
        return [self._state(kernel, transitions.get(number, {})) for number, kernel in enumerate(kernels)]

    def _state(self, kernel: dict[Item, set[str]], transitions: dict[str, int]) -> State:
        actions = {symbol: target for symbol, target in transitions.items() if symbol in self.tokens}
        for item, lookahead in self.closure(kernel).items():
            if item.dot < len(self.rules[item.rule].body):
                continue
            for token in sorted(lookahead):
                if token not in actions or self._reduces(item.rule, token, actions[token]):
                    actions[token] = ~item.rule
        reductions = Counter(action for action in actions.values() if action < 0)
        default = max(reductions, key=lambda action: (reductions[action], action)) if reductions else None
        explicit = {token: actions[token] for token in self.tokens if token in actions and actions[token] != default}
        gotos = {symbol: target for symbol, target in transitions.items() if symbol not in self.tokens}
        return State(explicit, default, gotos)

    def _reduces(self, rule: int, token: str, other: int) -> bool:
        """Whether a rule wins over shifting the token."""
        own = [PRECEDENCE.index(symbol) for symbol in self.rules[rule].body if symbol in PRECEDENCE]
        if other < 0 or not own or token not in PRECEDENCE:
            raise SystemExit(f"a conflict at {token!r} between {self.rules[rule]} and {other}")
        return own[-1] > PRECEDENCE.index(token)


def render(text: str) -> str:
    """The text of tables.py for a grammar."""
    rules, tokens = read_grammar(text)
    lines = [
        '"""The tables of the parser for expressions. Made by scripts/make_expression_tables.py: do not edit."""',
        "",
        "from __future__ import annotations",
        "",
        "# fmt: off",
        "",
        "RULES: tuple[tuple[str, int, str], ...] = (",
        *(f"    ({rule.origin!r}, {len(rule.body)}, {rule.action!r}),".replace("'", '"') for rule in rules),
        ")",
        '"""What a rule makes, of how many symbols, and the name of its action."""',
        "",
        "ACTIONS: tuple[dict[str, int], ...] = (",
    ]
    states = Generator(rules, tokens).states()
    for state in states:
        lines += _wrapped(state.actions)
    lines += [
        ")",
        '"""For each state, by token: the state to shift to, or ~rule to reduce. The rest are errors, or DEFAULTS."""',
        "",
        "DEFAULTS: tuple[int | None, ...] = (",
        *_rows([str(state.default) for state in states]),
        ")",
        '"""For each state the reduction (~rule) for every other token."""',
        "",
        "GOTOS: tuple[dict[str, int], ...] = (",
    ]
    for state in states:
        lines += _wrapped(state.gotos)
    lines += [")", '"""For each state, by what was made: the state to go to."""', ""]
    return "\n".join(lines)


def _rows(items: list[str], indent: str = "    ") -> list[str]:
    rows = [indent]
    for item in items:
        if len(rows[-1]) + len(item) > 118:
            rows.append(indent)
        rows[-1] += f"{item}, "
    return [row.rstrip() for row in rows]


def _wrapped(table: dict[str, int]) -> list[str]:
    items = [f'"{name}": {target}' for name, target in table.items()]
    line = f"    {{{', '.join(items)}}},"
    return [line] if len(line) <= 120 else ["    {", *_rows(items, "        "), "    },"]


if __name__ == "__main__":
    OUTPUT.write_text(render(GRAMMAR.read_text()))
