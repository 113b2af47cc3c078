"""What Voilà makes of the notebooks: an application has no code cells, and perhaps no network.

The server extension names `Application` in Voilà's configuration; only a server that has Voilà imports this module.
"""

import re
from typing import Any

from latex2mathml.converter import convert
from nbconvert.preprocessors import Preprocessor
from nbformat.v4 import new_markdown_cell

TAG = "only-in-notebook"
"""Of a cell that makes sense only where code is seen and can be written."""
ADVICE = (
    "*Here are no code cells to check an answer with: compare your prediction with the answer below, or open this notebook in "
    "JupyterLab, which checks it and gives hints.*"
)
_OURS = re.compile(r"^\s*(from|import) sgtheory\b", re.MULTILINE)
_CODE_OR_FORMULA = re.compile(r"(?P<code>```.*?```|`[^`\n]*`)|\$\$(?P<block>.+?)\$\$|\$(?P<inline>[^$]+?)\$", re.DOTALL)


class Application(Preprocessor):
    """Leaves out the cells that are for a notebook only, and writes formulas as MathML, which needs no script.

    Voilà itself would load MathJax from another server. Notebooks that do not import `sgtheory` stay as they are.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """The notebook as an application; what nbconvert calls."""
        if not any(cell.cell_type == "code" and _OURS.search(cell.source) for cell in nb.cells):
            return nb, resources
        cells, told = [], False
        for cell in nb.cells:
            if TAG in cell.metadata.get("tags", ()):
                if cell.cell_type == "code" and not told:
                    told = True
                    cells.append(new_markdown_cell(ADVICE))
                continue
            if cell.cell_type == "markdown":
                cell.source = _CODE_OR_FORMULA.sub(_as_mathml, cell.source)
            cells.append(cell)
        nb.cells = cells
        return nb, resources


def _as_mathml(found: re.Match[str]) -> str:
    if found["code"]:
        return found["code"]
    return convert(found["block"], display="block") if found["block"] else convert(found["inline"])
