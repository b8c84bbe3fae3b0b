"""Series of Ray's metrics: what is computed of them, as PromQL and here, of the text that a node exports."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

JOB = "ray"  # the job of all series: the label that Ray's own discovery gives them
_LINE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Sample:
    """One value of one series of a node."""

    name: str
    labels: Mapping[str, str]
    value: float


Samples = Sequence[Sample]


def parse_samples(lines: Sequence[str]) -> list[Sample]:
    """Parses lines of Prometheus' text format; what is none is left out."""
    out = []
    for line in lines:
        if (found := _LINE.match(line)) and not line.startswith("#"):
            try:
                out.append(Sample(found[1], dict(_LABEL.findall(found[2] or "")), float(found[3])))
            except ValueError:
                continue
    return out


class Value(Protocol):
    """What is computed for each node."""

    def promql(self, **target: str) -> str:
        """The same for Prometheus. :param target: labels of the nodes that it is for."""

    def of(self, samples: Samples) -> float | None:
        """The value; None if the node exports no such series."""

    def names(self) -> set[str]:
        """The series that it reads."""


@dataclass(frozen=True)
class Series:
    """The sum of a series, or with ``count`` how many there are."""

    name: str
    labels: tuple[tuple[str, str], ...] = ()
    count: bool = False

    def promql(self, **target: str) -> str:
        labels = {"job": JOB, **target, **dict(self.labels)}
        inside = ",".join(f'{key}="{value}"' for key, value in labels.items())
        return f"{'count' if self.count else 'sum'} by (instance, host) ({self.name}{{{inside}}})"

    def of(self, samples: Samples) -> float | None:
        wanted = dict(self.labels).items()
        found = [one.value for one in samples if one.name == self.name and wanted <= one.labels.items()]
        return (len(found) if self.count else sum(found)) if found else None

    def names(self) -> set[str]:
        return {self.name}


@dataclass(frozen=True)
class Plus:
    """The sum of two values."""

    one: Value
    other: Value

    def promql(self, **target: str) -> str:
        return f"({self.one.promql(**target)} + {self.other.promql(**target)})"

    def of(self, samples: Samples) -> float | None:
        one, other = self.one.of(samples), self.other.of(samples)
        return None if one is None or other is None else one + other

    def names(self) -> set[str]:
        return self.one.names() | self.other.names()


@dataclass(frozen=True)
class Percent:
    """One value in percent of another."""

    part: Value
    whole: Value

    def promql(self, **target: str) -> str:
        return f"100 * {self.part.promql(**target)} / {self.whole.promql(**target)}"

    def of(self, samples: Samples) -> float | None:
        part, whole = self.part.of(samples), self.whole.of(samples)
        return None if part is None or not whole else 100 * part / whole

    def names(self) -> set[str]:
        return self.part.names() | self.whole.names()


@dataclass(frozen=True)
class Over:
    """A value above a limit, or above another value; a second one that is not there is 0."""

    value: Value
    limit: Value | float

    def promql(self, **target: str) -> str:
        value = self.value.promql(**target)
        if isinstance(self.limit, (int, float)):
            return f"{value} > {self.limit}"
        return f"{value} > ({self.limit.promql(**target)} or 0 * {value})"

    def of(self, samples: Samples) -> float | None:
        value = self.value.of(samples)
        limit = self.limit if isinstance(self.limit, (int, float)) else self.limit.of(samples) or 0.0
        return value if value is not None and value > limit else None

    def names(self) -> set[str]:
        limit = set() if isinstance(self.limit, (int, float)) else self.limit.names()
        return self.value.names() | limit


@dataclass(frozen=True)
class Without:
    """A value that is there while another, which always comes along, is not."""

    value: Value
    other: Value

    def promql(self, **target: str) -> str:
        return f"{self.value.promql(**target)} unless on (instance) {self.other.promql(**target)}"

    def of(self, samples: Samples) -> float | None:
        return self.value.of(samples) if self.other.of(samples) is None else None

    def names(self) -> set[str]:
        return self.value.names() | self.other.names()
