"""What MkDocs does here besides building pages: the order of those that nav does not list, and links out of docs/."""

from __future__ import annotations

import re
from pathlib import Path

# files of the project that are no part of the manual: a code host shows them, the built manual only names them
_OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./)+(?:bench|examples|[A-Z]+)[^)]*\)")


def on_config(config):
    """Put each page that nav does not list at the end of the section of its folder."""
    docs = Path(config["docs_dir"])
    for section in config["nav"]:
        if not isinstance(section, dict):
            continue
        ((_, pages),) = section.items()
        folder = Path(pages[0]).parent
        found = sorted(p.name for p in docs.glob(f"{folder}/*.md") if not p.name.endswith(".zh.md"))
        pages += [f"{folder}/{name}" for name in found if f"{folder}/{name}" not in pages]
    return config


def on_page_markdown(markdown, **_):
    return _OUTSIDE.sub(r"\1", markdown)
