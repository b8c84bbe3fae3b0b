"""The models of the hosts file and of a host with one field for each runtime's section."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, create_model

from tasks import runtimes
from tasks.inventory.sections import RuntimeSection

Model = TypeVar("Model", bound=type[BaseModel])
SECTIONS: dict[str, type[RuntimeSection]] = {
    name: runtimes.section_by_name(name).SECTION for name in runtimes.NAMES
}


def with_runtimes(base: Model, field: Callable[[str, type[RuntimeSection]], tuple[Any, Any]]) -> Model:
    """``base`` with a field for each runtime behind its own.

    :param field: a runtime's name and section -> the field's type and its default, as ``create_model`` takes them.
    """
    more = {name: field(name, section) for name, section in SECTIONS.items()}
    return create_model(base.__name__, __base__=base, __module__=base.__module__, **more)
