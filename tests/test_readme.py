"""README's Python runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib
import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


@pytest.mark.quick
def test_python_blocks_run(capsys: pytest.CaptureFixture[str]) -> None:
    matplotlib.use("Agg")
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.S)
    assert blocks
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    assert "CheckReport" in printed and "EE - CON: post - pre" in printed


def test_the_two_commands_stand_on_the_first_screen() -> None:
    first = "\n".join(README.splitlines()[:30])
    assert "make demo" in first and "make test" in first


def test_commands_exist() -> None:
    from exerkine_omics.cli import app, signatures_app

    known = {c.callback.__name__ for c in app.registered_commands} | {"signatures"}
    named = set(re.findall(r"^exerkine (\w+)", README, flags=re.M))
    assert named and named <= known
    assert signatures_app.registered_commands
