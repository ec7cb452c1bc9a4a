"""What each stage of a cohort depends on, as one checksum a stage.

A key covers the part of the config the stage reads, the content of every file named there, the
stage before it, the seed, and the versions that make the numbers. It covers no path: a folder
that moved with its content is the same input.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from exerkine_omics import __version__
from exerkine_omics.datasets._registry import local_file, registry
from exerkine_omics.workflow import _text
from exerkine_omics.workflow._config import CohortConfig
from exerkine_omics.workflow._files import digest
from exerkine_omics.workflow._store import key_of

CHECK = "check"
STAGES = (CHECK, "score", "enrich", "differential", "responders", "predict")


@dataclass
class Digests:
    """Sha256 of each file a config names; each is read once, or none with ``names_only``."""

    names_only: bool = False
    known: dict[Path, str] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)

    def file(self, path: Path) -> str:
        """Digest of a file or folder; its absence is told by whoever reads it."""
        if self.names_only:
            return ""
        if path not in self.known:
            try:
                self.known[path] = digest(path)
            except OSError:
                self.known[path] = "absent"
        self.used[str(path)] = self.known[path]
        return self.known[path]

    def dataset(self, name: str) -> Any:
        """Entry of the registry, with digests of the files that are here."""
        if name not in registry():
            return "absent"
        entry = registry()[name]
        here = {f["name"]: local_file(entry, f) for f in entry["files"]}
        found = {n: self.file(p) for n, p in here.items() if p is not None}
        source = ("repository", "commit", "source", "licence")
        told = ", ".join(str(entry.entry[k]) for k in source if entry.entry.get(k))
        self.used[f"dataset {name}"] = told
        return {"pinned": entry.entry, "here": found}

    def content(self, section: Any) -> Any:
        """Return the section with the content's digest in place of each path."""
        if isinstance(section, BaseModel):
            return self.content(section.model_dump())
        if isinstance(section, dict):
            return {k: self.content(v) for k, v in section.items()}
        if isinstance(section, (list, tuple)):
            return [self.content(v) for v in section]
        return self.file(section) if isinstance(section, Path) else section


def stage_keys(config: CohortConfig, seed: int, digests: Digests) -> dict[str, str]:
    """Return the key of every stage that the config asks for; ``digests.used`` names the files."""
    digests.used = {}
    versions = {"exerkine_omics": __version__, "python": platform.python_version()}
    common = {"seed": seed, "versions": versions | _text.versions()}
    source = config.input
    responders, design = config.responders, config.differential
    outcomes = responders and (responders.outcomes, responders.subject)
    first = key_of(
        stage=CHECK,
        input=digests.content(source),
        dataset=source.dataset and digests.dataset(source.dataset),
        keep=config.keep_timepoints,
        # words that are left out are the call's own, and null is none of them
        prepare=config.prepare and config.prepare.model_dump(exclude_unset=True),
        outcomes=digests.content(outcomes),
        **common,
    )
    sets = config.score and config.score.signatures
    tested = design and (design.arm, design.control, design.contrasts)
    parts: dict[str, Any] = {
        "score": config.score and (config.score, design and design.control),
        "enrich": config.score and config.enrich and (sets, config.enrich, tested),
        "differential": config.differential,
        "responders": responders,
        "predict": config.prediction and (responders, config.prediction),
    }
    wanted = {stage: part for stage, part in parts.items() if part is not None}
    return {CHECK: first} | {
        stage: key_of(stage=stage, after=first, part=digests.content(part), **common)
        for stage, part in wanted.items()
    }
