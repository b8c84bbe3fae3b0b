"""Fragments that a test may change: copies of all of them, which scripts are assembled from as long as it runs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest

from tasks.script import files, fragments


class OwnFragments:
    """See above.

    :param folder: where the copies are.
    """

    def __init__(self, folder: Path, monkeypatch) -> None:
        self.folder = folder
        for kind in files.ENDINGS:
            (folder / kind).mkdir()
            for path in files.files(kind).values():
                shutil.copy(path, folder / kind)
        monkeypatch.setattr(files, "ROOTS", (folder,))
        forget()

    def edit(self, name: str, change: Callable[[str], str]) -> None:
        """Changes the fragment ``sh/NAME.sh`` or ``ps/NAME.ps1``."""
        before = (self.folder / name).read_text("utf-8")
        assert change(before) != before
        self.write(name, change(before))

    def write(self, name: str, source: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, "utf-8")
        forget()


def forget() -> None:
    """What has been read of fragments is read again."""
    for read in (files.files, fragments.fragment, fragments.complete, fragments.read_by):
        read.cache_clear()


@pytest.fixture
def own_fragments(tmp_path, monkeypatch):
    """See :class:`OwnFragments`."""
    yield OwnFragments(tmp_path, monkeypatch)
    monkeypatch.undo()
    forget()


@contextmanager
def added(name: str, source: str) -> Iterator[None]:
    """One more fragment, ``sh/NAME.sh`` or ``ps/NAME.ps1``, for as long as this lasts."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.parent.mkdir()
        path.write_text(source, "utf-8")
        with mock.patch.object(files, "ROOTS", (*files.ROOTS, Path(folder))):
            forget()
            yield
    forget()
