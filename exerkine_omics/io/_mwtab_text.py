"""mwTab as text: sections of ``XX:KEY<tab>value`` lines and blocks between _START and _END."""

from __future__ import annotations

import re

from exerkine_omics.cohort import Finding
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._columns import column_map
from exerkine_omics.io._mwtab_study import VENDOR, Block, Study, Tube, pairs_of, require_once

MARK = "#METABOLOMICS WORKBENCH"
_ID = re.compile(r"\b([A-Z]+_ID):(\S+)")
_PAIR = re.compile(r"([A-Z]{2}):([A-Za-z0-9_/()]+)[ ]*(\t?)[ ]*(.*)")
_BLOCK = re.compile(r"((?:[A-Z]+_)*(?:DATA|METABOLITES))_(START|END)")
_FACTORS = "SUBJECT_SAMPLE_FACTORS"
Lines = list[tuple[int, str]]


def parse_text(text: str, where: str, analysis: str | None) -> Study:
    """Take the text of one analysis apart."""
    lines = list(enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1))
    study = Study()
    lines = _one(lines, where, analysis)
    names = column_map(VENDOR)
    started: tuple[str, Lines] | None = None
    ended, lax = False, []
    first = study.header.setdefault("METABOLOMICS WORKBENCH", dict(_ID.findall(lines[0][1])))
    for number, line in lines[1:]:
        block = _BLOCK.fullmatch(line.strip())
        if block:
            started = _turn(study, block[1], block[2], started, number, where)
        elif started is not None:
            if line.strip():
                started[1].append((number, line))
        elif line.startswith(_FACTORS):
            study.tubes.append(_tube(line, number, where))
        elif line.startswith("#"):
            ended = ended or line.strip() == "#END"
        elif line.startswith(("VERSION", "CREATED_ON")):
            key, _, value = line.partition("\t")
            first[key.strip()] = value.strip()
        elif line.strip():
            if _metadata(study, line, number, names["sections"], where):
                lax.append(str(number))
    if started is not None:
        raise InputError(
            f"{started[0]}_START has no {started[0]}_END: the file is cut off",
            where=where,
            fix="Copy it again.",
        )
    require_once(study.tubes, where)
    if lax:
        message = f"Lines {shown(lax)} have no tab between name and value; they were read."
        study.findings.append(Finding("tab_missing", "note", message, tuple(lax)))
    if not ended:
        message = "The file does not close with #END: what should follow its last block is missing."
        fix = "Compare it with the original."
        study.findings.append(Finding("no_end_mark", "warning", message, (), fix))
    return study


def _one(lines: Lines, where: str, analysis: str | None) -> Lines:
    """Lines of the analysis asked for; a download of a whole study holds several."""
    starts = [i for i, (_, line) in enumerate(lines) if line.startswith(MARK)]
    if not starts:
        raise InputError(f"There is no line {MARK}", where=where, fix="Is it an mwTab file?")
    parts = [lines[a:b] for a, b in zip(starts, [*starts[1:], None], strict=True)]
    ids = [dict(_ID.findall(p[0][1])).get("ANALYSIS_ID", "") for p in parts]
    return parts[chosen(ids, analysis, where)]


def chosen(ids: list[str], analysis: str | None, where: str) -> int:
    """Return which of the analyses of a file is meant."""
    if analysis is None and len(ids) == 1:
        return 0
    if analysis is None:
        raise InputError(
            f"The file holds {len(ids)} analyses: {shown(ids)}",
            where=where,
            fix=f'Say which: read_mwtab(path, analysis="{ids[0]}").',
        )
    if ids.count(analysis) != 1:
        raise InputError(
            f"The analysis {analysis!r} is in the file {ids.count(analysis)} times",
            where=where,
            fix=f"It holds {shown(ids)}.",
        )
    return ids.index(analysis)


def _turn(
    study: Study,
    name: str,
    turn: str,
    started: tuple[str, Lines] | None,
    number: int,
    where: str,
) -> tuple[str, Lines] | None:
    """Open or close a block."""
    if turn == "START":
        if started is not None or (name in study.blocks and study.blocks[name].names):
            what = f"inside {started[0]}" if started else "a second time"
            raise InputError(
                f"Line {number} opens {name} {what}", where=where, fix="Copy the file again."
            )
        return name, []
    if started is None or started[0] != name:
        raise InputError(
            f"Line {number} closes {name}, which is not open", where=where, fix="Copy it again."
        )
    if name.startswith("EXTENDED"):
        study.extended += _records(started[1], where)
    elif name == "METABOLITES":
        study.metabolites += _records(started[1], where)
    else:
        _fill(study.blocks.setdefault(name, Block()), started[1], name, where)
    return None


def _metadata(study: Study, line: str, number: int, sections: dict[str, str], where: str) -> bool:
    """Keep a line of metadata; say whether its tab is missing."""
    name, _, rest = line.partition(":")
    if name.endswith("_DATA"):
        key, tab, value = rest.partition("\t")
        block = study.blocks.setdefault(name, Block())
        if key.strip().upper() == "UNITS":
            block.units = value.strip()
        elif "RESULTS_FILE" in key:
            study.results_files.append(value.strip())
        return not tab
    hit = _PAIR.fullmatch(line)
    if hit is None or hit[1] not in sections:
        raise InputError(
            f"Line {number} is not understood: {line.strip()[:60]!r}",
            where=where,
            fix="A line is XX:NAME, a tab, and its value.",
        )
    if "RESULTS_FILE" in hit[2]:
        study.results_files.append(hit[4].strip())
    section = study.header.setdefault(sections[hit[1]], {})
    value = hit[4].strip()
    section[hit[2]] = f"{section[hit[2]]} {value}".strip() if hit[2] in section else value
    return not hit[3] and bool(value)


def _tube(line: str, number: int, where: str) -> Tube:
    cells = [c.strip() for c in line.split("\t")]
    if not 4 <= len(cells) <= 5 and any(cells[5:]) or len(cells) < 4 or cells[0] != _FACTORS:
        raise InputError(
            f"Line {number} should hold subject, sample and factors, separated by tabs",
            where=where,
            fix=f"It reads {line.strip()[:60]!r}.",
        )
    subject, sample, factors = cells[1:4]
    raw = cells[4] if len(cells) > 4 else ""
    place = f"line {number}"
    return Tube(
        subject,
        sample,
        pairs_of(factors, "|", ":", place, where),
        pairs_of(raw, ";", "=", place, where),
        raw,
    )


def _fill(block: Block, lines: Lines, name: str, where: str) -> None:
    if len(lines) < 2:
        raise InputError(f"{name} is empty", where=where, fix="Is the file whole?")
    number, head = lines[0]
    titles = [c.strip() for c in head.rstrip("\t").split("\t")]
    block.samples = titles[1:]
    twice = sorted({s for s in block.samples if block.samples.count(s) > 1})
    if not block.samples or twice or not all(block.samples):
        what = f"names {shown(twice)} more than once" if twice else "lacks names of samples"
        raise InputError(f"Line {number} {what}", where=where, fix="Name each sample once.")
    for number, line in lines[1:]:
        label, *cells = (c.strip() for c in line.split("\t"))
        n = len(block.samples)
        if len(cells) < n or any(cells[n:]):
            raise InputError(
                f"Line {number} holds {len(cells)} values and there are {n} samples",
                where=where,
                fix="Is a tab missing, or the file cut off?",
            )
        if label == "Factors" and number == lines[1][0]:
            block.factors = cells[:n]
            continue
        if not label:
            raise InputError(f"Line {number} has no name", where=where, fix="Name the metabolite.")
        block.names.append(label)
        block.cells.append(cells[:n])
        block.places.append(f"line {number}")


def _records(lines: Lines, where: str) -> list[dict[str, str]]:
    """Rows of a table with a head; a row that does not fit is an `InputError`."""
    if not lines:
        return []
    number, head = lines[0]
    titles = [t.strip() for t in head.rstrip("\t").split("\t")]
    if len(set(titles)) < len(titles) or not all(titles):
        raise InputError(
            f"Line {number} names a column twice or not at all", where=where, fix="Name each once."
        )
    records = []
    for number, line in lines[1:]:
        cells = [c.strip() for c in line.split("\t")]
        if any(cells[len(titles) :]):
            raise InputError(
                f"Line {number} holds {len(cells)} cells under {len(titles)} titles",
                where=where,
                fix="Is a tab too many?",
            )
        # empty cells at the end of a line are often left out
        cells += [""] * (len(titles) - len(cells))
        records.append(dict(zip(titles, cells, strict=False)))
    return records
