"""Config, stages, runner: many analyses of many cohorts in one call."""

from exerkine_omics.workflow._check_file import check_file
from exerkine_omics.workflow._config import RunConfig, load_config, parse_config
from exerkine_omics.workflow._coverage_file import coverage_file
from exerkine_omics.workflow._demo import demo_config
from exerkine_omics.workflow._events import Event
from exerkine_omics.workflow._init import init_config
from exerkine_omics.workflow._predict_file import predict_file
from exerkine_omics.workflow._progress import showing
from exerkine_omics.workflow._run import count_stages, plan_config, run, run_config, write_report
from exerkine_omics.workflow._sites import pool_files, summarize_config

__all__ = [
    "Event",
    "RunConfig",
    "check_file",
    "count_stages",
    "coverage_file",
    "demo_config",
    "init_config",
    "load_config",
    "parse_config",
    "plan_config",
    "pool_files",
    "predict_file",
    "run",
    "run_config",
    "showing",
    "summarize_config",
    "write_report",
]


def __dir__() -> list[str]:
    return __all__
