"""Load signatures: the shipped ones, or a user's folder or file of YAML."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml
from pydantic import ValidationError

from exerkine_omics.errors import InputError
from exerkine_omics.sig._model import Signature, SignatureSet

_PACKAGE = Path(__file__).resolve().parents[1]


def shipped_folder() -> Path:
    """Folder of the shipped signatures: inside the wheel, or beside the package in a checkout."""
    for folder in (_PACKAGE / "signatures", _PACKAGE.parent / "signatures"):
        if any(folder.glob("*.yaml")):
            return folder
    raise InputError(
        "The shipped signatures were not found",
        where=str(_PACKAGE),
        fix="Install the package again; the wheel carries them.",
    )


def load(path: str | Path | None = None) -> SignatureSet:
    """Load the shipped signatures, or those of a file or folder.

    Use it to see what the package knows, and to bring your own signatures, which are validated
    by the same model.

    Parameters
    ----------
    path
        A YAML file or a folder of them; None means the shipped signatures.

    Returns
    -------
    SignatureSet
        Dict-like, in the order of names.

    Raises
    ------
    InputError
        If a file is missing, is no YAML, or breaks the model; file and field are named.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> exo.sig.load()["glycolysis_lactate"].members[0].name
    'Lactate'
    """
    if path is None:
        return _read_shipped()
    return _read(Path(path))


@cache
def _read_shipped() -> SignatureSet:
    return _read(shipped_folder())


def _read(path: Path) -> SignatureSet:
    if not path.exists():
        raise InputError("There is no such file or folder", where=str(path))
    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    if not files:
        raise InputError("The folder holds no .yaml file", where=str(path))
    return SignatureSet([read_signature(file) for file in files])


def read_signature(path: Path) -> Signature:
    """Read and validate one signature; its name is the file's.

    Parameters
    ----------
    path
        A YAML file.

    Raises
    ------
    InputError
        Naming file and field.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(
            f"Not readable as YAML: {str(error).splitlines()[0]}", where=str(path)
        ) from error
    if not isinstance(content, dict):
        raise InputError("A signature file holds one mapping", where=str(path))
    try:
        signature = Signature.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the whole"
        more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise InputError(f"{field}: {first['msg']}{more}", where=str(path)) from error
    if signature.name != path.stem:
        raise InputError(
            f"The signature {signature.name!r} stands in another name's file", where=str(path)
        )
    return signature
