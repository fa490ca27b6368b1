"""Notebooks are those that the examples give."""

from __future__ import annotations

import json
import pathlib
import runpy

ROOT = pathlib.Path(__file__).parents[2]


def test_the_notebooks_are_those_of_the_examples():
    tool = runpy.run_path(str(ROOT / "tools/notebooks.py"))
    for name in tool["NAMES"]:
        script = (ROOT / f"examples/{name}.py").read_text(encoding="utf-8")
        made = tool["notebook"](script)
        written = (ROOT / f"examples/{name}.ipynb").read_text(encoding="utf-8")
        assert written == made, "run python tools/notebooks.py"
        code = ["".join(cell["source"]) for cell in json.loads(made)["cells"] if cell["cell_type"] == "code"]
        compile("\n".join(code), name, "exec")
        assert "sys.argv" not in "".join(code) and "mer.loso(" in "".join(code)
