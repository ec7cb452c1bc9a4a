"""What public cohorts there are, and where their files are found."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import yaml

from exerkine_omics.errors import InputError, warn
from exerkine_omics.settings import settings

HOST = "https://raw.githubusercontent.com"
VARIABLE = "EXERKINE_DATA_DIR"


@dataclass(frozen=True)
class Dataset:
    """One entry of the registry."""

    name: str
    entry: dict[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.entry[key]

    def url(self, path: str) -> str:
        """Return the address of a file: as it stands, or at the pinned commit."""
        if path.startswith(("http://", "https://")):
            return path
        return f"{HOST}/{self['repository']}/{self['commit']}/{quote(path)}"


@cache
def registry() -> dict[str, Dataset]:
    """Return all entries, by name."""
    text = (files("exerkine_omics.datasets") / "registry.yaml").read_text(encoding="utf-8")
    return {name: Dataset(name, entry) for name, entry in yaml.safe_load(text).items()}


def available() -> pd.DataFrame:
    """List the public cohorts that `load` knows.

    Returns
    -------
    pandas.DataFrame
        One row a cohort: name, returns, n_subjects, n_samples, licence, citation, description,
        local (is it in EXERKINE_DATA_DIR), download (can it be downloaded), notes.

    Notes
    -----
    Missing values: none.
    """
    rows = []
    for name, dataset in registry().items():
        needed = [f for f in dataset["files"] if not f.get("optional")]
        rows.append(
            {
                "name": name,
                **{k: dataset[k] for k in ("returns", "n_subjects", "n_samples", "licence")},
                "citation": dataset["citation"],
                "description": dataset["description"],
                "local": all(local_file(dataset, f) is not None for f in needed),
                "download": all(f["path"] is not None for f in needed),
                "notes": " ".join(dataset["notes"]),
            }
        )
    return pd.DataFrame(rows)


def local_file(dataset: Dataset, file: dict[str, Any]) -> Path | None:
    """Return the file in the folder of public data, under our name or the repository's."""
    if settings.data_dir is None:
        return None
    folder = settings.data_dir / dataset["folder"]
    names = [file["name"], *([Path(file["path"]).name] if file["path"] else [])]
    for place in (folder / "original", folder):
        for name in names:
            if (place / name).is_file():
                return place / name
    return None


def fetch(dataset: Dataset) -> dict[str, Path]:
    """Return the files of a cohort: from EXERKINE_DATA_DIR, else downloaded."""
    found = {}
    for file in dataset["files"]:
        path = local_file(dataset, file)
        if path is not None:
            _compare(path, file["sha256"])
        elif file["path"] is not None:
            path = _download(dataset, file)
        elif file.get("optional"):
            continue
        else:
            raise InputError(
                f"{dataset.name} cannot be downloaded and {file['name']} is not there",
                where=_where(dataset),
                fix=f"Set {VARIABLE} to the folder that holds {dataset['folder']}/"
                f"{file['name']}. {dataset['notes'][0]} Source: github.com/"
                f"{dataset['repository']} at {dataset['commit']}.",
            )
        found[file["name"]] = path
    return found


def _compare(path: Path, known: str | None) -> None:
    # a file that a spreadsheet program saved again differs in bytes, not in numbers: say it, go on
    if known and hashlib.sha256(path.read_bytes()).hexdigest() != known:
        warn(f"{path} is not byte for byte the file of the registry (sha256 {known[:12]}...).")


def _download(dataset: Dataset, file: dict[str, Any]) -> Path:
    import pooch

    url = dataset.url(file["path"])
    known = f"sha256:{file['sha256']}" if file["sha256"] else None
    version = str(dataset["commit"] or "unpinned")[:12]
    folder = Path(pooch.os_cache("exerkine_omics")) / dataset["folder"] / version
    try:
        return Path(pooch.retrieve(url, known_hash=known, fname=file["name"], path=folder))
    # requests' errors are OSError; pooch raises ValueError for a wrong hash
    except (OSError, ValueError) as error:
        raise InputError(
            f"{url} could not be fetched: {str(error).splitlines()[0][:200]}",
            where=_where(dataset),
            fix=f"Download it by hand, put it as {dataset['folder']}/{file['name']} into a folder "
            f"and set {VARIABLE} to that folder.",
        ) from error


def _where(dataset: Dataset) -> str:
    if settings.data_dir is None:
        return f"{VARIABLE}, which is not set"
    return str(settings.data_dir / dataset["folder"])
