"""RDML: the exchange format of real-time PCR, XML in a zip."""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ET

from exerkine_omics.errors import InputError
from exerkine_omics.io._cq_cells import Export
from exerkine_omics.io._cq_wells import Layout
from exerkine_omics.io._source import Source

_HEADER = ["Well", "Plate", "Sample", "Target", "Task", "Target Type", "Cq", "Omit", "Quantity",
           "description"]  # fmt: skip
_KINDS = {"unkn": "unknown", "ntc": "NTC", "nac": "NAC", "nrt": "NRT", "std": "standard",
          "pos": "pos", "ntp": "ntp", "opt": "opt"}  # fmt: skip


def _sniff(source: Source) -> bool:
    return source.kind == "rdml" or any(re.search(r"<rdml\b", x) for x in source.head[:20])


def _export(source: Source) -> Export:
    root = _root(source)
    space = root.tag[: root.tag.index("}") + 1] if "}" in root.tag else ""
    if root.tag != f"{space}rdml":
        raise InputError("The XML is no RDML", where=source.where, fix="Export it again.")

    def text(node: ET.Element | None, *path: str) -> str:
        for step in path:
            node = None if node is None else node.find(space + step)
        return "" if node is None or node.text is None else " ".join(node.text.split())

    def id_of(node: ET.Element | None) -> str:
        return "" if node is None else " ".join(node.get("id", "").split())

    samples = {id_of(s): s for s in root.findall(f"{space}sample")}
    targets = {id_of(t): t for t in root.findall(f"{space}target")}
    runs = [(e, r) for e in root.findall(f"{space}experiment") for r in e.findall(f"{space}run")]
    rows: list[list[str]] = []
    for experiment, run in runs:
        plate = f"{id_of(experiment)}, {id_of(run)}" if len(runs) > 1 else ""
        for react in run.findall(f"{space}react"):
            sample = id_of(react.find(f"{space}sample"))
            if sample not in samples:
                raise _foreign("sample", sample, id_of(react), source)
            own = samples[sample]
            for data in react.findall(f"{space}data"):
                target = id_of(data.find(f"{space}tar"))
                if target not in targets:
                    raise _foreign("target", target, id_of(react), source)
                cycle = text(data, "cq")
                rows.append([
                    id_of(react), plate, sample, target,
                    _KINDS.get(text(own, "type"), ""), text(targets[target], "type"),
                    "" if _not_available(cycle) else cycle,
                    "true" if data.find(f"{space}excl") is not None else "false",
                    _quantity(text(own, "quantity", "value")), text(own, "description"),
                ])  # fmt: skip
    if not rows:
        raise InputError("The RDML holds no reaction", where=source.where, fix="Export it again.")
    first = runs[0][1]
    about = {
        "version": root.get("version", ""), "date": text(root, "dateMade"),
        "instrument": text(first, "instrument"),
        "software": text(first, "dataCollectionSoftware", "name"),
        "cq method": text(first, "cqDetectionMethod"),
    }  # fmt: skip
    about = {k: html.unescape(v) for k, v in about.items() if v}
    numbers = list(range(1, len(rows) + 1))
    return Export(_HEADER, rows, numbers, unit_of_line="reaction", about=about)


def _root(source: Source) -> ET.Element:
    """Root of the XML; a document type, which could define entities without end, is refused."""
    content = source.text()
    if re.search(r"<!\s*(?:DOCTYPE|ENTITY)", content, re.IGNORECASE):
        raise InputError(
            "The XML declares a document type", where=source.where, fix="RDML has none: export it."
        )
    content = re.sub(r"^\s*<\?xml[^>]*\?>", "", content.removeprefix("\ufeff"))
    try:
        return ET.fromstring(content)
    except (ET.ParseError, ValueError, RecursionError) as error:
        raise InputError(
            f"The RDML cannot be read ({error})", where=source.where, fix="Export it again."
        ) from None


def _not_available(cycle: str) -> bool:
    """RDML writes -1.0 where there is no cycle."""
    return re.fullmatch(r"-1(?:\.0*)?", cycle) is not None


def _quantity(value: str) -> str:
    return "" if value.casefold() == "nan" else value


def _foreign(what: str, name: str, react: str, source: Source) -> InputError:
    return InputError(
        f"Reaction {react!r} has the {what} {name!r}, which the file does not list",
        where=source.where,
        fix="Export it again.",
    )


LAYOUT = Layout("rdml", "RDML (real-time PCR data markup language)", _sniff, _export)
