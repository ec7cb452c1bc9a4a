"""What a run says while it works: one event a line, in files that any process can write to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

_POLL = 0.2  # seconds


@dataclass(frozen=True)
class Event:
    """One step of one cohort; ``str(event)`` is a line of a log."""

    cohort: str
    stage: str
    status: str  # started, done, kept, failed, warning
    seconds: float | None = None
    message: str = ""

    def __str__(self) -> str:
        words = {
            "started": "",
            "done": f" done in {self.seconds or 0:.1f} s",
            "kept": " taken from the earlier run",
            "failed": f" failed: {self.message}",
            "warning": self.message,
        }
        head = f"{self.cohort}: {self.stage}" if self.cohort else self.stage
        return head + words[self.status]


Log = Callable[[Event], object]


def tell(path: Path, event: Event) -> None:
    """Append an event to the file of its cohort."""
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {"time": round(time.time(), 3), **asdict(event)}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(told) + "\n")


@contextmanager
def following(paths: list[Path], log: Log | None) -> Iterator[None]:
    """Hand every event of these files to ``log`` while the work goes on, wherever it runs."""
    if log is None:
        yield
        return
    read = dict.fromkeys(paths, 0)
    over = threading.Event()

    def hand_on() -> None:
        for path in paths:
            if not path.exists():
                continue
            with path.open("rb") as file:
                file.seek(read[path])
                lines = file.read().split(b"\n")
            for line in lines[:-1]:  # the last is empty, or half-written
                read[path] += len(line) + 1
                told = json.loads(line)
                told.pop("time")
                log(Event(**told))

    def follow() -> None:
        while not over.wait(_POLL):
            hand_on()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        hand_on()
