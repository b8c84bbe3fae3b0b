"""Every message in the sources, as the catalogue has it: with ``{0}``, ``{1}``… for what is filled in.

Taken are the texts in Python and in the scripts' `fail`, `note` and `step` that are sentences of English; where a part
of a text depends on a condition, each of its forms.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from tasks.language.catalogue import PLACE

TOP = Path(__file__).parents[2]
HOLE = "\0"
MOST = 24  # forms of one text
# not shown to a person: the laboratory's images, the completion of words, what the reference and the schema describe
LEFT_OUT = ("testbed", "completion", "language")
LEFT_OUT_FILES = (
    "inventory/model.py",
    "inventory/sections.py",
    "inventory/reference.py",
    "inventory/templates.py",
)
LEFT_OUT_FILES += ("script/fragments.py", "node/operations.py", "inventory/syntax.py")
# a text that is a command, a pattern, a file or a part of one, and no sentence
CODE = re.compile(
    r"""\\|&&|\$[a-z({]|%[dsHY]|</|\(\?|\[\^|;;|>/dev|::|\w\|[\w(\[]|\n.*\n|[A-Za-z]=[A-Z/%\0]|
    ^``|^[-/\#<%]|^Exec|^Port|^Version\ mismatch|pgrep|StrictHost|
    ^(sudo|docker|export|exec|echo|open|cd|ssh|ssh-keyscan|uname|command|python|pip|apt-get|dnf|bytes|import|unset|
      kill|rm|mount|chmod|loginctl|set|return|if|ray)\s[-\w./]+|
    ^(\./)?(fab|\0)\ [\w\0-]+(\ (--?[\w-]*|\0|[A-Z]+|@?[\d.]+))*$|
    ^[a-z]+(-[a-z]+)?(\ (--[\w-]*|\0|[A-Z]+))+$|^[a-z]+\ \0$""",
    re.VERBOSE,
)
# and what is a sentence though it begins like a command or a flag, or ends in one
PROSE = re.compile(
    r"""^--?[a-zA-Z][a-z-]*(\ \0)?(:\ .*\0.*[a-z]|:\ \w+\ )|
    ^--?[a-zA-Z][a-z-]*(\ \0)?\ (is|are|goes|takes|names|holds|prints|chooses|and|replaces|restarts|shows|gives)\b|
    ^/(tmp|dev/shm)\ (is|has|made)|^sudo\ (cannot|did|does|refuses|rejects|wants)|^docker\ (load|run)\ failed|
    ^docker\ save.*\ (names|writes)|^set\ (it|gpus|the|conda|node_ip\ of)|^open\ (the|TCP|files)|
    ^if\ (nothing|you|a\ boot|not\ done)|
    ^ssh\ (-v|cannot|configuration)|^run\ it|^ray\ start\ failed|^ray\ memory\ lists|^half\ of|^export\ FAB|
    KEY=VALUE.*(repeatable|got)|^use\ your|^(choose\ a\ writable|let)\ |NAME=VALUE$|
    (^as|,\ as)\ root:|^\0\ needs|^\0\ of\ \0\ MB|^freed|^--limit\ '!""",
    re.VERBOSE,
)
SENTENCE = re.compile(
    r"[A-Za-z'’]{2,}[,;:.]? (\0 )*[(\"'`]?-{0,2}[A-Za-z]{2,}|[a-z]{3,} \0|\0 [a-z]{3,}|[a-z]{3,}: \0"
)
# single words that are shown alone, as in a table's cell or as the title of a group
ALONE = {"Column", "phase", "table", "step", "Step", "each", "grow", "ok", "Text", "said"}
COUNT = re.compile(r"(no|1|\0) (?!is)[a-z]+s|(no|1) [a-z]+|\0 (alive|changed|everywhere)")
# parts that are written out in many texts
PARTS = ("{0} s", "{0} host", "all")
PARTS += tuple(f"1 {what}{each}" for what in ("CPU", "GPU") for each in ("", " each"))
PARTS += tuple(f"{count} {what}s" for what in ("CPU", "GPU") for count in ("no", "{0}"))
PARTS += ("{0} CPUs each", "{0} GPUs each")
WORD = re.compile(r"[A-Z]?[a-z]+( [a-z]+)*")
LOOSE = re.compile(r"^RESULT [a-z]+ - - |^[\s;,:(\[]+|[\s,:(\[]+$")


def every() -> dict[str, set[str]]:
    """The files of each message, relative to the checkout, by the message."""
    found: dict[str, set[str]] = {text: {"tasks/report"} for text in PARTS}
    for path in sorted((TOP / "tasks").rglob("*")):
        inside = path.relative_to(TOP / "tasks")
        if inside.parts[0] in LEFT_OUT or str(inside) in LEFT_OUT_FILES:
            continue
        read = {".py": in_python, ".sh": in_shell, ".ps1": in_powershell}.get(path.suffix)
        for text in read(path.read_text("utf-8")) if read else ():
            found.setdefault(text, set()).add(f"tasks/{inside}")
    return found


def numbered(text: str) -> str:
    """A text with its holes as ``{0}``, ``{1}``…, without what joins it to another."""
    text = re.sub(r"\{\w*\}", HOLE, text)
    text = re.sub(f"{HOLE}+", HOLE, text)
    while (less := LOOSE.sub("", text)) != text:
        text = less
    if text.endswith(")") and "(" not in text:
        text = text[:-1]
    counter = itertools.count()
    return re.sub(HOLE, lambda _: f"{{{next(counter)}}}", text)


def is_message(text: str) -> bool:
    if PROSE.search(text) or COUNT.fullmatch(text):
        return True
    return bool(SENTENCE.search(text)) and not CODE.search(text)


def sentences(text: str) -> Iterator[str]:
    """The lines of a text that are messages."""
    for line in text.split("\n") if text.count("\n") == 1 else [text]:
        line = line.strip(" ✓✗→!")
        if is_message(line):
            yield numbered(line)


# -- Python ---------------------------------------------------------------------------------------------------------


class _Counts(ast.NodeTransformer):
    """Collects both forms of each `counted(number, "file")`, and leaves what is filled in."""

    def __init__(self) -> None:
        self.forms: list[str] = []

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if _called(node) != "counted" or not isinstance(node.args[1], ast.Constant):
            return node
        self.forms += [f"1 {node.args[1].value}", numbered(f"{HOLE} {node.args[1].value}s")]
        return node.args[0]


def in_python(code: str) -> Iterator[str]:
    counts = _Counts()
    tree = counts.visit(ast.parse(code))
    yield from counts.forms
    yield from _walk(tree, set(), {})
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any(
            "task" in ast.unparse(one) for one in node.decorator_list
        ):
            yield from paragraphs(ast.get_docstring(node) or "")
        if isinstance(node, ast.Call) and (
            _called(node) in ALONE or ast.unparse(node.func) == "steps.append"
        ):
            shown = node.args[: 1 if _called(node) in ("Text", "table") else 2]
            for one in itertools.chain(*map(ast.walk, shown)):
                if isinstance(one, ast.Constant) and isinstance(one.value, str) and WORD.fullmatch(one.value):
                    yield numbered(one.value)
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            names = [getattr(one, "id", "") for one in ast.walk(target)]
            if any(re.fullmatch("GROUPS|OTHERS|TITLE|STOPPED|DRAINED|DOWN|YOUNG", name) for name in names):
                shown = node.value.keys if isinstance(node.value, ast.Dict) else ast.walk(node.value)
                for one in shown:
                    if isinstance(one, ast.Constant) and isinstance(one.value, str):
                        yield numbered(one.value)


def paragraphs(text: str) -> Iterator[str]:
    """The paragraphs of a task's description, and its first line."""
    if text:
        yield numbered(text.partition("\n")[0])
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        for indented, lines in itertools.groupby(
            paragraph.splitlines(), key=lambda line: line.startswith(" ")
        ):
            if not indented:
                yield numbered(" ".join(lines))


def _called(node: ast.AST) -> str:
    function = node.func if isinstance(node, ast.Call) else node
    return getattr(function, "attr", getattr(function, "id", ""))


def _walk(node: ast.AST, documents: set[int], known: Names) -> Iterator[str]:
    if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
        first = node.body[0] if node.body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            documents.add(id(first.value))
        known = known | _names(node)
    if isinstance(node, ast.Assert) or id(node) in documents:
        return
    if isinstance(node, ast.Call) and _called(node) in (
        "compile",
        "search",
        "sub",
        "fullmatch",
        "Field",
        "described",
    ):
        # patterns, and descriptions for the schema
        for child in node.args[1:]:
            yield from _walk(child, documents, known)
        return
    forms = None if isinstance(node, ast.Name) else _forms(node, known)
    if forms is None:
        for child in ast.iter_child_nodes(node):
            yield from _walk(child, documents, known)
        return
    for form in forms:
        yield from sentences(form)
    for hole in _holes(node, known):
        yield from _walk(hole, documents, known)


Names = dict[str, list[str]]


def _names(scope: ast.AST) -> Names:
    """The forms of names that are given one text, or one of two, in this scope: ``were = "was" if one else "were"``."""
    given: dict[str, list[ast.AST]] = {}
    for node in ast.iter_child_nodes(scope) if isinstance(scope, ast.Module) else ast.walk(scope):
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.For, ast.NamedExpr)):
            for target in ast.walk(node.targets[0] if isinstance(node, ast.Assign) else node.target):
                if isinstance(target, ast.Name):
                    given.setdefault(target.id, []).append(node)
        elif isinstance(node, ast.arg):
            given.setdefault(node.arg, []).append(node)
    found = {}
    for name, nodes in given.items():
        value = getattr(nodes[0], "value", None)
        if len(nodes) == 1 and isinstance(nodes[0], ast.Assign) and isinstance(nodes[0].targets[0], ast.Name):
            forms = _forms(value, {}) if isinstance(value, (ast.Constant, ast.IfExp)) else None
            if (
                forms
                and len(forms) < 4
                and HOLE not in "".join(forms)
                and all(len(one) < 60 for one in forms)
            ):
                found[name] = forms
    return found


def _forms(node: ast.AST, known: Names) -> list[str] | None:
    """The forms that a text can have, with holes; None: it is no text."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else None
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.JoinedStr):
        return _product([_forms(part, known) or [HOLE] for part in node.values])
    if isinstance(node, ast.FormattedValue):
        return (
            _forms(node.value, known) if isinstance(node.value, (ast.IfExp, ast.Constant, ast.Name)) else None
        )
    if isinstance(node, ast.IfExp):
        sides = [_forms(side, known) for side in (node.body, node.orelse)]
        if all(side is None for side in sides):
            return None
        return [form for side in sides for form in (side or [HOLE])]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        sides = [_forms(side, known) for side in (node.left, node.right)]
        return None if all(side is None for side in sides) else _product([side or [HOLE] for side in sides])
    return None


def _product(parts: list[list[str]]) -> list[str]:
    return ["".join(parts) for parts in itertools.islice(itertools.product(*parts), MOST)]


def _holes(node: ast.AST, known: Names) -> Iterator[ast.AST]:
    """What is filled in, which may hold texts itself."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name) or _forms(child, known) is None:
            yield child
        else:
            yield from _holes(child, known)


# -- the scripts ----------------------------------------------------------------------------------------------------

_SAYS = re.compile(
    r"(?<![\w-])(?:fail|note|step|warn|emit (?:error|hint|note)|rf_(?:hint|way|why|says)=)[ \"'](.*)"
)
_SH_TEXT = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'([^']*)'")


def in_shell(code: str) -> Iterator[str]:
    for line in code.replace("\\\n", "").splitlines():
        found = _SAYS.search(line)
        if not found or line.lstrip().startswith("#"):
            continue
        rest = found.group()
        while (less := re.sub(r"\$\([^()]*\)", HOLE, rest)) != rest:
            rest = less
        rest = re.sub(r"\$\{[^{}]*\}|\$\w+|\$[@*#?]", HOLE, rest)
        for double, single in _SH_TEXT.findall(rest):
            text = double.replace('\\"', '"').replace("\\`", "`") if double else single
            yield from sentences(text)


_PS_SAYS = re.compile(r"(?<![\w-])(?:Fail|Note|Step|Warn|\$(?:hint|why|way|says) =) (.*)")
_PS_TEXT = re.compile(r"'((?:[^']|'')*)'|\"([^\"]*)\"")


def in_powershell(code: str) -> Iterator[str]:
    for line in code.splitlines():
        found = _PS_SAYS.search(line)
        if not found or line.lstrip().startswith("#"):
            continue
        text, end = "", 0
        texts = []
        for part in _PS_TEXT.finditer(found.group(1)):
            gap = found.group(1)[end : part.start()]
            own = (part.group(1) or "").replace("''", "'") or re.sub(r"\$\w+", HOLE, part.group(2) or "")
            if re.fullmatch(r"\s*\+\s*", gap) and text:
                text += own
            elif gap.rstrip().endswith("+") and (text and gap.lstrip().startswith("+")):
                text += HOLE + own
            else:
                texts.append(text + (HOLE if gap.lstrip().startswith("+") else ""))
                text = (HOLE if gap.rstrip().endswith("+") else "") + own
            end = part.end()
        texts.append(text + (HOLE if found.group(1)[end:].lstrip().startswith("+") else ""))
        for text in texts:
            yield from sentences(text)


# -- the catalogue --------------------------------------------------------------------------------------------------

HEAD = """# Messages of rayfab in Chinese. To bring it up to date with the sources:
# RENEW_MESSAGES=1 python -m pytest tests/language
msgid ""
msgstr ""
"Language: zh_CN\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"""


def written(translations: dict[str, str]) -> str:
    """The PO file: every message of the sources, sorted, with its translation where there is one."""
    import json

    def quoted(text: str) -> str:
        return json.dumps(text, ensure_ascii=False)

    entries = [
        f"#: {' '.join(sorted(files))}\nmsgid {quoted(text)}\nmsgstr {quoted(translations.get(text, ''))}\n"
        for text, files in sorted(every().items())
    ]
    return "\n".join([HEAD, *entries])


def places(text: str) -> list[str]:
    return sorted(PLACE.findall(text))
