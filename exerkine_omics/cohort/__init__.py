"""What is known of a cohort: findings, units, steps, design, pairs, response, results."""

from exerkine_omics.cohort._concat import concat
from exerkine_omics.cohort._contrasts import Cell, Contrast, Contrasts, parse_contrasts
from exerkine_omics.cohort._design import Design, arm_column, build_design
from exerkine_omics.cohort._files import write_text, write_whole
from exerkine_omics.cohort._findings import (
    CheckReport,
    Finding,
    findings_frame,
    findings_from_frame,
)
from exerkine_omics.cohort._meta import (
    add_step,
    baseline,
    dense,
    meta,
    require_columns,
    require_log,
    require_slug,
    timepoints,
    units,
)
from exerkine_omics.cohort._pairs import PairTable, make_pairs
from exerkine_omics.cohort._plain import levels, plain
from exerkine_omics.cohort._reliability import Reliability
from exerkine_omics.cohort._responder_result import Ceiling, ResponderResult, SdIr
from exerkine_omics.cohort._response import ResponseSpec
from exerkine_omics.cohort._result import Rows, adjust, collect, frame_for_storage, result_rows

__all__ = [
    "Ceiling",
    "Cell",
    "CheckReport",
    "Contrast",
    "Contrasts",
    "Design",
    "Finding",
    "PairTable",
    "Reliability",
    "ResponderResult",
    "ResponseSpec",
    "Rows",
    "SdIr",
    "add_step",
    "adjust",
    "arm_column",
    "baseline",
    "build_design",
    "collect",
    "concat",
    "dense",
    "findings_frame",
    "findings_from_frame",
    "frame_for_storage",
    "levels",
    "make_pairs",
    "meta",
    "parse_contrasts",
    "plain",
    "require_columns",
    "require_log",
    "require_slug",
    "result_rows",
    "timepoints",
    "units",
    "write_text",
    "write_whole",
]


def __dir__() -> list[str]:
    return __all__
