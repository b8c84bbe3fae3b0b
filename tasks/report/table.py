"""Tables: on a terminal they fit its width; in a pipe each row is one line of any length."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.text import Text

from tasks.inventory.fold import folded
from tasks.language import said

GAP = 2
INDENT = 2
LEAST = 24  # least width of a text column beside others
NOTHING = ("", "-")
MANY = 20  # rows; of more, equal ones are folded
_WIDE = "\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uffe6\U00020000-\U0003fffd"
_WORD = re.compile(rf"[{_WIDE}][，。、；：！？）」』】》]*\s*|[^\s{_WIDE}]+\s*")

Cell = str | Text


@dataclass(frozen=True)
class Column:
    """One column.

    :param as_text: how a value reads outside the table ("Ray 2.60.0"). Such a value is shown once if all rows have the
        same, and below its row if there is no room. None: the column identifies the row.
    :param wraps: a long text that may be broken between words; other columns never are.
    :param each: a quantity: "8 CPUs each" if all rows have the same.
    :param names: its values are names, which stay as they are in every language; those of the first column always are.
    """

    title: str
    as_text: Callable[[str], str] | None = None
    wraps: bool = False
    each: bool = False
    names: bool = False


def lay_out(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int | None) -> list[Text]:
    """The lines of the table; ``width`` None: for a pipe, one line for each row."""
    cells = [
        [_one_line(cell, said if at and not columns[at].names else str) for at, cell in enumerate(row)]
        for row in rows
    ]
    columns = [replace(column, title=said(column.title)) for column in columns]
    every = range(len(columns))
    if width is None or not rows:
        return _Layout(columns, cells, width or 1 << 30, every).grid(every)
    filled = [at for at in every if at == 0 or any(row[at].plain not in NOTHING for row in cells)]
    everywhere: list[str] = []
    where_known: list[str] = []
    own = []
    for at in filled:
        values = {row[at].plain for row in cells}
        known = values - set(NOTHING)
        if columns[at].as_text is None or len(rows) == 1 or len(known) > 1:
            own.append(at)
        else:
            value = known.pop()
            each = " each" if columns[at].each and value != "0" else ""
            shared = said(columns[at].as_text(value) + each)
            (everywhere if len(values) == 1 else where_known).append(shared)
    return [*_Layout(columns, cells, width, own).lines(), *_shared(everywhere, where_known, width)]


def folded_rows(rows: Sequence[Sequence[Cell]]) -> list[Sequence[Cell]]:
    """Of more than MANY rows, those that are equal but for the name in the first cell are one, with all names."""
    if len(rows) <= MANY:
        return list(rows)
    alike: dict[tuple[str, ...], list[Sequence[Cell]]] = {}
    for row in rows:
        alike.setdefault(tuple(str(cell) for cell in row[1:]), []).append(row)
    return [
        same[0] if len(same) == 1 else (folded(str(row[0]) for row in same), *same[0][1:])
        for same in alike.values()
    ]


def _shared(everywhere: Sequence[str], where_known: Sequence[str], width: int) -> list[Text]:
    pieces: list[str] = []
    for title, items in (("all", everywhere), ("where known", where_known)):
        if items:
            pieces[-1:] = [f"{piece}; " for piece in pieces[-1:]]
            pieces += _listed([f"{said(title)}: {items[0]}", *items[1:]])
    return [Text(line) for line in wrap(pieces, width)]


class _Layout:
    """The columns ``own`` of a table, laid out in ``width``."""

    def __init__(
        self, columns: Sequence[Column], cells: Sequence[Sequence[Text]], width: int, own: Iterable[int]
    ) -> None:
        self.columns, self.cells, self.width, self.own = columns, cells, width, list(own)
        self.widths = {
            at: max([cell_len(columns[at].title), *(row[at].cell_len for row in cells)]) for at in self.own
        }

    def lines(self) -> list[Text]:
        """Side by side as far as they fit: texts move below first, then describing columns, then all but one."""
        texts = [at for at in self.own if self.columns[at].wraps]
        beside = [at for at in self.own if not self.columns[at].wraps]
        room = self.width + GAP
        needed = sum(min(self.widths[at], max(LEAST, cell_len(self.columns[at].title))) + GAP for at in texts)
        if self._wide(beside) + needed <= room:
            return self.grid(self.own)
        for at in reversed(self.own):
            if self._wide(beside) > room and at in beside and self.columns[at].as_text is not None:
                beside.remove(at)
        return self.grid(beside if beside and self._wide(beside) <= room else self.own[:1])

    def _wide(self, beside: Iterable[int]) -> int:
        return sum(self.widths[at] + GAP for at in beside)

    def grid(self, beside: Iterable[int]) -> list[Text]:
        """The columns ``beside`` side by side, the others below each row."""
        beside = list(beside)
        room = self.width + GAP - self._wide(beside)
        widths = dict(self.widths)
        for at in reversed(beside):
            if self.columns[at].wraps and room < 0:
                widths[at] = max(LEAST, widths[at] + room)
                room += self.widths[at] - widths[at]
        out = self._row([Text(self.columns[at].title, "bold") for at in beside], beside, widths)
        for row in self.cells:
            out += self._row([row[at] for at in beside], beside, widths)
            out += self._below(row, [at for at in self.own if at not in beside])
        return out

    def _row(self, cells: Sequence[Text], beside: Sequence[int], widths: dict[int, int]) -> list[Text]:
        split = [
            _wrapped(cell, widths[at]) if self.columns[at].wraps else [cell]
            for cell, at in zip(cells, beside, strict=True)
        ]
        lines = []
        for number in range(max(len(parts) for parts in split)):
            line = Text()
            for parts, at in zip(split, beside, strict=True):
                part = parts[number] if number < len(parts) else Text()
                line.append_text(part)
                line.append(" " * max(0, widths[at] - part.cell_len) + " " * GAP)
            line.rstrip()
            lines.append(line)
        return lines

    def _below(self, row: Sequence[Text], rest: Sequence[int]) -> list[Text]:
        beside = []
        for at in rest:
            column, value = self.columns[at], row[at].plain
            if value not in NOTHING and not column.wraps:
                beside.append(said(column.as_text(value)) if column.as_text else f"{column.title} {value}")
        lines = wrap(_listed(beside), self.width - INDENT)
        texts = [at for at in rest if self.columns[at].wraps]
        for at in texts:
            if row[at].plain not in NOTHING:
                title = [f"{self.columns[at].title}: "] if len(texts) > 1 else []
                lines += wrap(title + _WORD.findall(row[at].plain), self.width - INDENT)
        return [Text(" " * INDENT + line) for line in lines]


def described(commands: Sequence[tuple[str, str]], width: int | None) -> list[Text]:
    """Commands with their purpose beside them, or below if there is no room."""
    commands = [(command, said(why)) for command, why in commands]
    longest = max(cell_len(command) for command, _ in commands)
    beside = width is None or all(longest + cell_len(why) + 5 <= width for _, why in commands)
    lines: list[Text] = []
    for command, why in commands:
        if beside:
            room = " " * (longest - cell_len(command))
            lines.append(Text.assemble("  ", (command, "cyan"), f"{room}   {why}"))
        else:
            lines.append(Text.assemble("  ", (command, "cyan")))
            lines += [Text(f"    {line}") for line in wrap(_WORD.findall(why), width - 4)]
    return lines


def wrap(pieces: Iterable[str], width: int) -> list[str]:
    """Join pieces into lines. A piece longer than a line stays whole, so that copied text is not broken."""
    lines: list[str] = []
    for piece in pieces:
        if lines and cell_len(lines[-1] + piece.rstrip()) <= width:
            lines[-1] += piece
        else:
            lines.append(piece)
    return [line.rstrip() for line in lines]


def _wrapped(cell: Text, width: int) -> list[Text]:
    if cell.cell_len <= width:
        return [cell]
    return [Text(line, style=cell.style) for line in wrap(_WORD.findall(cell.plain), width)]


def _listed(items: Sequence[str]) -> list[str]:
    return [item + (", " if number < len(items) else "") for number, item in enumerate(items, 1)]


def _one_line(cell: Cell, said: Callable[[str], str]) -> Text:
    text = Text(cell) if isinstance(cell, str) else cell
    plain = " ".join(text.plain.split()) if re.search(r"[\n\t\r]", text.plain) else text.plain
    shown = said(plain)
    return text if shown == text.plain else Text(shown, style=text.style)
