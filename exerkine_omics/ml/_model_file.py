"""Model files: skops behind a header that holds the checksum of all that follows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from exerkine_omics.cohort import plain
from exerkine_omics.errors import InputError, UsageError, shown
from exerkine_omics.ml._model import MODEL_SCHEMA, ResponseModel

MAGIC = b"exerkine_omics model "
_KERNELS, _ML = "exerkine_omics.kernels.", "exerkine_omics.ml."
TRUSTED = (
    _ML + "_fold.LinearModel",
    _ML + "_fold.Fill",
    _ML + "_fuse.FusedModel",
    _ML + "_estimator.EstimatorModel",
    _ML + "_fold_scores.FittedColumns",
    _ML + "_signature_block.FittedBlock",
    _ML + "_signature_block.SignatureBlock",
    _ML + "_model_input.PlatformNeed",
    _ML + "_people.ClinicalColumn",
    _KERNELS + "_sets.Sets",
    _KERNELS + "_scores.Reference",
    _KERNELS + "_score_gsva.Distribution",
    _KERNELS + "_score_null.NullScores",
    "scipy.sparse._csr.csr_array",
    # of the random forest; skops names it because made-up trees can crash the process
    "sklearn.tree._tree.Tree",
)
"""Types of this package that a model file may hold, beside those skops itself trusts."""


def write_model(model: ResponseModel, path: Path) -> str:
    """Write the file whole or not at all; return the sha256 of its bytes."""
    from skops import io

    if not path.parent.is_dir():
        raise InputError("There is no such folder", where=str(path.parent))
    state = {f.name: getattr(model, f.name) for f in fields(model)}
    state["card"] = json.dumps(plain(model.card), sort_keys=True)
    body = io.dumps(state)
    content = _header(body) + body
    beside = path.with_name(path.name + ".part")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        raise InputError(f"It cannot be written: {error.strerror}", where=str(path)) from error
    return hashlib.sha256(content).hexdigest()


def load(
    path: str | Path, sha256: str | None = None, *, trusted: Sequence[str] = ()
) -> ResponseModel:
    """Read a model file; nothing in it is unpickled.

    The checksum in the header finds damage. It does not say who made the file: whoever changes
    the bytes can make a new checksum. For that give ``sha256``, as `ResponseModel.save` returned
    it and as you got it by another way.

    Parameters
    ----------
    path
        A file made by `ResponseModel.save`.
    sha256
        Checksum of the whole file.
    trusted
        Full names of types of your own estimators (``"mypackage.MyClassifier"``) that may be made.

    Raises
    ------
    InputError
        If the file is damaged, none of ours, of another schema version, not the one of
        ``sha256``, or holds a type that is not trusted.
    """
    from skops import io

    place = Path(path)
    try:
        content = place.read_bytes()
    except OSError as error:
        raise InputError(f"It cannot be read: {error.strerror}", where=str(place)) from error
    if sha256 is not None and hashlib.sha256(content).hexdigest() != _checked(sha256):
        raise InputError(
            "The file is not the one of this sha256",
            where=str(place),
            fix="Ask who gave it to you; do not use it before.",
        )
    if not content.startswith(MAGIC):
        raise InputError("This is no model file of exerkine_omics", where=str(place))
    head, _, body = content.partition(b"\n")
    if head + b"\n" != _header(body):
        raise InputError(
            "The file is damaged, or of another schema version: its checksum does not agree",
            where=str(place),
            fix="Copy it again from its source.",
        )
    try:
        unknown = sorted(set(io.get_untrusted_types(data=body)) - {*TRUSTED, *trusted})
        if unknown:
            raise InputError(
                f"The file holds types that are not trusted: {shown(unknown)}",
                where=str(place),
                fix="If they are your own estimator's, name them: load(path, trusted=[...]).",
            )
        state: dict[str, Any] = io.loads(body, trusted=[*TRUSTED, *trusted])
    except InputError:
        raise
    # a made-up body may break skops anywhere; whatever it says, the file is no model
    except Exception as error:
        raise InputError(f"The file holds no model: {error}", where=str(place)) from error
    known = {f.name for f in fields(ResponseModel)}
    if not isinstance(state, dict) or set(state) != known:
        raise InputError("The file holds no model of this version", where=str(place))
    if state["schema_version"] != MODEL_SCHEMA:
        raise InputError(
            f"The model has schema version {state['schema_version']}, this package reads "
            f"{MODEL_SCHEMA}",
            where=str(place),
        )
    state["card"] = json.loads(state["card"])
    return ResponseModel(**state)


def _header(body: bytes) -> bytes:
    digest = hashlib.sha256(MAGIC + MODEL_SCHEMA.encode() + body).hexdigest()
    return MAGIC + MODEL_SCHEMA.encode() + b" " + digest.encode() + b"\n"


def _checked(sha256: str) -> str:
    text = str(sha256).strip().lower()
    if len(text) != 64 or set(text) - set("0123456789abcdef"):
        raise UsageError(f"sha256={sha256!r} is no sha256", fix="It has 64 hexadecimal digits.")
    return text
