"""Write a first config for a folder of data: what was recognised, and what only you can know."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import yaml

from exerkine_omics.cohort import write_text
from exerkine_omics.errors import InputError, UsageError, shown
from exerkine_omics.io._labels import is_missing, text_of
from exerkine_omics.workflow import _look
from exerkine_omics.workflow._config import parse_config
from exerkine_omics.workflow._look import Found

_HEAD = """\
# Written by: exerkine init {folder}
# Lines with CHECK are guesses or blanks: look at each. All keys: exerkine schema.
#   exerkine run {name} -o results --dry-run    says what would be done
#   exerkine run {name} -o results --resume     does it, and goes on where it was stopped
title: {title}
seed: 1
cohorts:
"""
_OPTIONS = """\
    # prepare:                    # before anything is tested, in one fixed order
    #   filter_features: {max_missing: 0.5}
    score:
      min_coverage: 0.5           # share of a signature's weight that must be measured
    differential:
      method: lmm                 # or moderated, paired_t, wilcoxon, signflip
"""
_CONTROL = "      {mark}control: {arm}    # CHECK arm whose change is subtracted: {arms}\n"


def init_config(folder: str | Path, out: str | Path | None = None) -> tuple[Path, str]:
    """Write a commented config for the data files of a folder.

    Parameters
    ----------
    folder
        Folder with vendor files, stored cohorts, or plain matrices with sample sheets.
    out
        File to write; ``exerkine.yaml`` in the folder by default.

    Returns
    -------
    tuple
        The file, and what was made of each data file, in words.

    Raises
    ------
    InputError
        If there is no such folder, no file in it that can be a cohort, or it cannot be written.
    UsageError
        If the config is there already.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError("There is no such folder", where=str(folder))
    target = folder / "exerkine.yaml" if out is None else Path(out)
    if target.exists():
        raise UsageError(
            "The file is there already", where=str(target), fix="Name another with -o."
        )
    found = _look.look_into(folder)
    sheets = [f for f in found if f.kind == "samples"]
    outcomes = [f for f in found if f.kind == "outcomes"]
    taken: set[str] = set()
    parts = [
        _cohort(f, sheets, outcomes, taken, target.resolve().parent)
        for f in found
        if f.kind in ("vendor", "stored", "matrix")
    ]
    told = "\n".join(f"{f.path.name}: {f.told}" for f in found)
    if not parts:
        raise InputError(
            "No file here is a vendor's file, a stored cohort or a matrix of numbers"
            + (f": {told}" if told else ""),
            where=str(folder),
            fix="exerkine check FILE says of one file why.",
        )
    head = _HEAD.format(
        folder=_told([folder.name]), name=_told([str(target)]), title=_quoted(folder.resolve().name)
    )
    text = head + "\n".join(parts)
    parse_config(yaml.safe_load(text), str(target))  # what is written is a config
    try:
        write_text(target, text)
    except OSError as error:
        raise InputError(f"Cannot write: {error.strerror}", where=str(target)) from error
    return target, told


def _cohort(
    file: Found, sheets: list[Found], outcomes: list[Found], taken: set[str], base: Path
) -> str:
    stem = file.path.name.partition(".")[0]
    lines = [f"  - name: {_slug(stem, taken)}", f"    title: {_quoted(stem)}   # {file.told}"]
    lines.append("    input:")
    sheet, side = _look.orientation_of(file, sheets)
    if file.kind == "matrix":
        lines += ["      table:", f"        matrix: {_relative(file.path, base)}"]
        if sheet is not None:
            lines.append(f"        samples: {_relative(sheet.path, base)}{_others(sheet, sheets)}")
        lines.append(f"        orientation: {side}   # what stands in rows")
        roles = sheet if sheet is not None else file
        lines += [f"        {line}" for line in _roles(roles)]
        lines.append("        units: log2            # CHECK NPX, log2, RFU, concentration, Cq ...")
        lines.append("        modality: proteomics   # CHECK or metabolomics, mirna")
        lines.append("        matrix_type: unknown   # CHECK plasma_edta, serum ...")
    else:
        lines += ["      file:", f"        path: {_relative(file.path, base)}"]
        if file.kind == "vendor":
            if sheet is not None:
                other = _others(sheet, sheets)
                lines.append(f"        samples: {_relative(sheet.path, base)}{other}")
            else:
                lines.append("        # samples: sheet.csv   # CHECK a sample sheet, joined by id")
            lines += [f"        {line}" for line in _roles(sheet or file)]
            words = "CHECK plasma or serum, where the file does not say"
            lines.append(f"        # matrix_type: plasma_edta   # {words}")
    arms = _levels(sheet or file, _look.ARM_WORDS)
    text = "\n".join(lines) + "\n" + _OPTIONS
    if len(arms) > 1:
        control = _look.pick(arms, _look.CONTROL_WORDS)
        mark = "# " if control is None else ""
        text += _CONTROL.format(mark=mark, arm=_quoted(control or arms[0]), arms=_told(arms))
    return text + (_responders(outcomes[0], base) if len(outcomes) == 1 else "")


def _roles(sheet: Found | None) -> list[str]:
    """Write the lines on person, time and arm, from the columns of the sheet."""
    columns = [] if sheet is None or sheet.frame is None else list(sheet.frame.columns)
    lines = []
    for key, words in (("subject", _look.SUBJECT_WORDS), ("timepoint", _look.TIME_WORDS)):
        column = _look.pick(columns, words)
        blank = {"subject": "subject_id", "timepoint": "timepoint"}[key]
        lines.append(f"{key}: {_quoted(column or blank)}{_check(column, columns)}")
    levels = _levels(sheet, _look.TIME_WORDS)
    baseline = _look.pick(levels, _look.BASELINE_WORDS)
    lines.append(f"baseline: {_quoted(baseline or 'pre')}{_check(baseline, levels)}")
    arm = _look.pick(columns, _look.ARM_WORDS)
    if arm:
        lines.append(f"arm: {_quoted(arm)}")
    if levels:
        first = [v for v in levels if v == baseline]
        order = ", ".join(_quoted(v) for v in [*first, *(v for v in levels if v not in first)])
        lines.append(f"timepoint_order: [{order}]   # CHECK")
    return lines


def _check(found: object, choices: list[str]) -> str:
    if found is not None:
        return ""
    return f"   # CHECK one of {_told(choices[:12])}" if choices else "   # CHECK"


def _others(sheet: Found, sheets: list[Found]) -> str:
    """Name the sheets that fit as well."""
    fit = [s.path.name for s in sheets if s is not sheet and s.ids & sheet.ids]
    return f"   # CHECK or {_told(fit)}" if fit else ""


def _levels(sheet: Found | None, words: tuple[str, ...]) -> list[str]:
    if sheet is None or sheet.frame is None:
        return []
    column = _look.pick(sheet.frame.columns, words)
    if column is None:
        return []
    values = [v for v in pd.unique(sheet.frame[column]) if not is_missing(v)]
    # 0.0 beside 8.0 is read as week 0, beside 1.5 as 0.0
    mixed = any(isinstance(v, float) and not v.is_integer() for v in values)
    levels = [str(v) if mixed else text_of(v) for v in values]
    return levels if len(levels) <= 30 else []


def _responders(file: Found, base: Path) -> str:
    """Write the section on individual response as a comment: it needs a threshold and a noise."""
    columns = [] if file.frame is None else [str(c) for c in file.frame.columns]
    subject = _look.pick(columns, _look.SUBJECT_WORDS) or "subject_id"
    pre = next((c for c in columns if any(w in c.casefold() for w in _look.PRE_WORDS)), "CHECK")
    post = next((c for c in columns if any(w in c.casefold() for w in _look.POST_WORDS)), "CHECK")
    lines = [
        "responders:   # CHECK who responds: say the smallest change that matters, and the noise",
        f"  outcomes: {_relative(file.path, base)}",
        f"  subject: {_quoted(subject)}",
        "  outcome: VO2max",
        "  unit: mL/kg/min",
        f"  pre: {_quoted(pre)}",
        f"  post: {_quoted(post)}",
        "  threshold: 1.0",
        "  reliability: {typical_error: 1.5, source: your own test-retest}",
        f"  # one of {shown(columns)}",
    ]
    return "".join(f"    # {line}\n" for line in lines)


def _slug(stem: str, taken: set[str]) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", stem.casefold()).strip("_")[:60] or "cohort"
    name, number = plain, 2
    while name in taken:
        name, number = f"{plain}_{number}", number + 1
    taken.add(name)
    return name


def _relative(path: Path, base: Path) -> str:
    place = path.resolve()
    return _quoted(str(place.relative_to(base) if place.is_relative_to(base) else place))


def _quoted(value: object) -> str:
    """Write a scalar as YAML reads it back as text."""
    text = str(value)
    if not text.isprintable():  # Excel's line breaks in a header: kept, as escapes
        return json.dumps(text)
    plain = re.fullmatch(r"[A-Za-z][\w./ -]*", text) and yaml.safe_load(text) == text
    return text if plain else "'" + text.replace("'", "''") + "'"


def _told(values: Iterable[object]) -> str:
    """List values in a comment, which ends with its line."""
    return ", ".join(" ".join(str(v).split()) for v in values)
