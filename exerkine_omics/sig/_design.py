"""Which signatures fit a study, and why the others do not."""

from __future__ import annotations

import pandas as pd

from exerkine_omics import schema
from exerkine_omics.errors import UsageError
from exerkine_omics.sig._load import load
from exerkine_omics.sig._model import Signature, SignatureSet
from exerkine_omics.sig._vocabulary import EXPOSURES, LEVELS, SIGNATURE_MODES

COMPANION = "companion"
SIGNATURE = "signature"
_PLASMA = "plasma"
_MATRICES = (*schema.MATRICES, _PLASMA)
_DAY = 1440
# points of a fit: what was asked for by name counts more than what is merely not excluded
_EXPOSURE, _MODE, _NEAR_MODE, _WINDOW, _MATRIX = 2.0, 3.0, 1.0, 2.0, 1.0
_LEVEL = dict(zip(LEVELS, (2.0, 1.5, 1.0, 0.0), strict=True))
# modes that a bout of one kind shares with another
_NEAR = {
    "sprint": {"hiit"},
    "hiit": {"sprint"},
    "combined": {"endurance", "resistance"},
    "endurance": {"combined"},
    "resistance": {"combined"},
}


def for_design(
    *,
    exposure: str | None = None,
    exercise_mode: str | None = None,
    minutes_post: float | None = None,
    matrix: str | None = None,
    modality: str | None = None,
    species: str | None = "human",
    signatures: SignatureSet | None = None,
) -> pd.DataFrame:
    """Rank the signatures that fit a study's design, and say why the others do not.

    Use it before scoring: a signature of another mode, time or matrix gives numbers, too.

    Parameters
    ----------
    exposure
        ``acute`` (one bout) or ``chronic`` (weeks of training).
    exercise_mode
        ``endurance``, ``resistance``, ``hiit``, ``sprint``, ``combined`` or ``any``.
    minutes_post
        Minutes between the end of the bout and the sample; negative during it.
    matrix
        ``plasma`` or one of the matrices of a cohort, ``plasma_edta``, ``serum``, ``ev`` ...
    modality
        ``proteomics``, ``metabolomics`` or ``mirna``.
    species
        Species of the people or animals; None leaves it open.
    signatures
        Candidates; None takes the shipped ones.

    Returns
    -------
    DataFrame
        signature, title, role (``signature``, or ``companion``: a confounder to score beside
        them), fits, rank (1 is first), score (points), level, n_members, reasons. Signatures
        that fit come first, then the companions, then those that do not fit.

    Notes
    -----
    Points: exposure 2, mode 3 shared among the modes the signature names (a related mode 1), time
    in the window 2 (half of it for windows of a day or more), matrix 1, level A 2, B 1.5, L 1, C
    0; of equals the larger comes first. What is not given excludes nothing and earns nothing. A
    confounder fits wherever its modality, species and matrix do: its exposure and time only stand
    among the reasons.
    Missing values: None is not given.

    Raises
    ------
    UsageError
        If a word is not known, or the time is not a number.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> ranked = exo.sig.for_design(exposure="chronic", modality="metabolomics")
    >>> bool(ranked.set_index("signature").loc["glycolysis_lactate", "fits"])
    False
    """
    asked = {
        "exposure": (exposure, EXPOSURES),
        "exercise_mode": (exercise_mode, SIGNATURE_MODES),
        "matrix": (matrix, _MATRICES),
        "modality": (modality, schema.MODALITIES),
    }
    for name, (value, words) in asked.items():
        if value is not None and value not in words:
            raise UsageError(f"{name}={value!r} is none of {', '.join(words)}")
    if minutes_post is not None and not abs(minutes_post) < float("inf"):
        raise UsageError(f"minutes_post={minutes_post!r} is no time in minutes")
    rows = []
    for signature in (load() if signatures is None else signatures).values():
        parts = [
            _modality(signature, modality),
            _species(signature, species),
            _matrix(signature, matrix),
            _exposure(signature, exposure),
            _mode(signature, exercise_mode),
            _time(signature, exposure, minutes_post),
        ]
        # a leak or a lysed tube does not ask what the study was about
        deciding = parts[:3] if signature.confounder else parts
        points = sum(p for p, _ in parts if p is not None) + _LEVEL[signature.level]
        against = [text for p, text in parts if p is None and text]
        pro = [text for p, text in parts if p is not None and text]
        fits = all(p is not None for p, _ in deciding)
        reasons = [*pro, *against, f"evidence {signature.level}"] if fits else against
        if signature.confounder and fits:
            reasons.insert(0, "a confounder: score it beside the others")
        rows.append(
            {
                "signature": signature.name,
                "title": signature.title,
                "role": COMPANION if signature.confounder else SIGNATURE,
                "fits": fits,
                "score": round(points, 3) if fits else 0.0,
                "level": signature.level,
                "reasons": "; ".join(reasons),
                "n_members": len(signature.members),
            }
        )
    columns = ["signature", "title", "role", "fits", "score", "level", "n_members", "reasons"]
    frame = pd.DataFrame(rows, columns=columns)
    order = frame.assign(companion=frame["role"] == COMPANION, out=~frame["fits"].astype(bool))
    order = order.sort_values(
        ["out", "companion", "score", "n_members", "signature"],
        ascending=[True, True, False, False, True],
    )
    frame = frame.loc[order.index].reset_index(drop=True)
    frame.insert(4, "rank", range(1, len(frame) + 1))
    return frame


# Each part answers with points, or None where it excludes, and its reason.
_Part = tuple[float | None, str]


def _modality(signature: Signature, asked: str | None) -> _Part:
    if asked is None:
        return 0.0, ""
    if signature.modality != asked:
        return None, f"its members are measured by {signature.modality}, not {asked}"
    return 0.0, asked


def _species(signature: Signature, asked: str | None) -> _Part:
    if asked is None or signature.species == asked:
        return 0.0, ""
    return None, f"found in {signature.species}, not in {asked}"


def _matrix(signature: Signature, asked: str | None) -> _Part:
    if asked is None:
        return 0.0, ""
    if not signature.matrix:
        return 0.0, "no matrix is stated"
    hit = asked in signature.matrix or (
        asked == _PLASMA and any(m.startswith(_PLASMA) for m in signature.matrix)
    )
    if hit:
        return _MATRIX, f"found in {asked}"
    return None, f"found in {', '.join(signature.matrix)}, not in {asked}"


def _exposure(signature: Signature, asked: str | None) -> _Part:
    if asked is None:
        return 0.0, ""
    if signature.exposure == "any":
        return 0.0, "made for any exposure"
    if signature.exposure != asked:
        words = {"acute": "one bout", "chronic": "training"}
        return None, f"describes {words[signature.exposure]}, not {words[asked]}"
    return _EXPOSURE, f"{asked} exercise"


def _mode(signature: Signature, asked: str | None) -> _Part:
    if asked is None or asked == "any":
        return 0.0, ""
    own = set(signature.exercise_mode)
    if asked in own:
        return _MODE / len(own), f"found after {asked} exercise"
    if not own or "any" in own:
        return 0.0, "made for any mode"
    near = sorted(own & _NEAR[asked])
    if near:
        return _NEAR_MODE / len(own), f"found after {', '.join(near)}, which is near {asked}"
    return None, f"found after {', '.join(sorted(own))} exercise, not {asked}"


def _time(signature: Signature, exposure: str | None, minutes: float | None) -> _Part:
    window = signature.window_minutes
    if exposure == "chronic":
        if minutes is not None and 0 <= minutes < _DAY:
            return 0.0, "the last bout was less than a day ago, its acute response overlays"
        return 0.0, ""
    if window is None:
        return 0.0, ""
    start, end = window
    if minutes is None:
        return 0.0, f"holds from {start:g} to {end:g} min, the time of sampling is not given"
    if start <= minutes <= end:
        points = _WINDOW if end - start < _DAY else _WINDOW / 2
        return points, f"{minutes:g} min lies within {start:g} to {end:g} min"
    return None, f"holds from {start:g} to {end:g} min, the sample is from {minutes:g} min"
