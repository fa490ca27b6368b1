"""Notebooks from examples: ``examples/NAME.py`` with ``# %%`` cells to ``examples/NAME.ipynb``.

    python tools/notebooks.py           writes them
    python tools/notebooks.py --run     executes them in a folder for temporary files, on clips drawn there

The files are plain JSON without outputs, so that they change when an example does and at no other time; a test compares
them, and another executes them with nbclient.
"""

from __future__ import annotations

import ast
import json
import pathlib
import re
import sys
import tempfile

EXAMPLES = pathlib.Path(__file__).resolve().parents[1] / "examples"
NAMES = ("python_api", "own_material")
CELL = re.compile(r"^# %%(.*)\n", re.MULTILINE)


def notebook(script: str) -> str:
    """The notebook of an example, as JSON text.

    The docstring and cells marked ``[markdown]`` become text; of the cell marked ``arguments`` the defaults stay.
    """
    tree = ast.parse(script)
    head, *rest = CELL.split(script)
    docstring = ast.get_docstring(tree) or ""
    imports = head.split('"""', 2)[2].strip().replace("import sys\n", "").strip()
    cells = [("markdown", docstring.partition("\n")[0]), ("code", imports)]
    for mark, text in zip(rest[::2], rest[1::2]):
        text = text.strip()
        if "[markdown]" in mark:
            cells.append(("markdown", re.sub(r"^# ?", "", text, flags=re.MULTILINE)))
        elif "arguments" in mark:
            statement = ast.parse(text).body[0]
            assert isinstance(statement, ast.Assign) and isinstance(statement.value, ast.BoolOp)
            default = ast.get_source_segment(text, statement.value.values[1])
            cells.append(("code", f"{ast.get_source_segment(text, statement.targets[0])} = {default}"))
        else:
            cells.append(("code", text))
    made = [
        {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": text.splitlines(keepends=True)}
        | ({"execution_count": None, "outputs": []} if kind == "code" else {})
        for number, (kind, text) in enumerate(cells)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content = {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def execute(path: pathlib.Path, folder: str) -> str:
    """What a notebook prints when it is executed in a folder that holds ``build/examples/clips``."""
    import nbformat
    from nbclient import NotebookClient

    content = nbformat.read(path, as_version=4)
    NotebookClient(content, timeout=1800, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
    outputs = (output for cell in content.cells if cell.cell_type == "code" for output in cell.outputs)
    return "".join(output.get("text", "") for output in outputs)


def main(arguments: list[str]) -> None:
    if arguments == ["--run"]:
        from mer_tf.synthetic import write_synthetic_dataset

        with tempfile.TemporaryDirectory() as folder:
            clips = pathlib.Path(folder, "build/examples/clips")
            write_synthetic_dataset(clips, subjects=3, clips_per_subject=6, seed=0)
            for name in NAMES:
                print(f"{name}:\n{execute(EXAMPLES / f'{name}.ipynb', folder)}")
        return
    for name in NAMES:
        (EXAMPLES / f"{name}.ipynb").write_text(notebook((EXAMPLES / f"{name}.py").read_text(encoding="utf-8")))
        print(EXAMPLES / f"{name}.ipynb")


if __name__ == "__main__":
    main(sys.argv[1:])
