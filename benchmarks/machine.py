"""What the machine does meanwhile: its model, what others take of it, and what each part of ours uses."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Times", "cpu_model", "cpu_seconds", "proportional_memory", "times"]

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of all processors together, since the machine started."""

    busy: float
    idle: float
    steal: float
    """What another virtual machine used while this one wanted to run."""

    def __sub__(self, other: Times) -> Times:
        """What passed between the two."""
        return Times(self.busy - other.busy, self.idle - other.idle, self.steal - other.steal)

    def __add__(self, other: Times) -> Times:
        """Both together."""
        return Times(self.busy + other.busy, self.idle + other.idle, self.steal + other.steal)

    def share(self, part: float) -> float:
        """The part as a share of all."""
        everything = self.busy + self.idle + self.steal
        return part / everything if everything else 0.0


def times() -> Times:
    """From /proc/stat."""
    user, nice, system, idle, waiting, irq, softirq, steal, *_ = (
        int(each) * _TICK_S for each in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    )
    return Times(user + nice + system + irq + softirq, idle + waiting, steal)


def cpu_model() -> str:
    """As the kernel calls it, with family and model, since virtual machines often name a brand alone."""
    found = dict(re.findall(r"^([^\t:]+)\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE))
    if "model name" not in found:
        return f"{os.uname().machine}, {os.cpu_count()} cores"
    return f"{found['model name']} family {found['cpu family']} model {found['model']}, {os.cpu_count()} cores"


def cpu_seconds(pid: int) -> float:
    """What a process, those that it started and those of them that have ended used of the processors."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        children = [task.read_text().split() for task in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:  # it has ended: its parent counts it
        return 0.0
    own = sum(int(each) for each in fields[11:15]) * _TICK_S
    return own + sum(cpu_seconds(int(child)) for found in children for child in found)


def proportional_memory(pid: int) -> int:
    """What a process and its descendants hold in memory, in bytes; what they share counts once in proportion (PSS)."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    own = int(re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)[1]) * 1024  # type: ignore[index]
    children = (task.read_text().split() for task in Path(f"/proc/{pid}/task").glob("*/children"))
    return own + sum(proportional_memory(int(child)) for found in children for child in found)
