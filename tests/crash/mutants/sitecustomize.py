"""Takes one thing out of mngr, in processes whose PYTHONPATH leads here: MNGR_MUTANT is `MODULE:LINE`, a statement that
becomes `pass`, or `MODULE:OLD=>NEW`, a text that becomes another. Nothing of mngr knows of this.
"""

import ast
import importlib.abc
import importlib.machinery
import os
import sys

MUTANT = os.environ.get("MNGR_MUTANT", "")


class Without(ast.NodeTransformer):
    def __init__(self, line: int) -> None:
        self.line = line
        self.found = False

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        if node.lineno == self.line:
            self.found = True
            return ast.copy_location(ast.Pass(), node)
        return node


class Loader(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname: str):
        source = self.get_source(fullname) or ""
        what = MUTANT.partition(":")[2]
        if "=>" in what:
            old, _, new = what.partition("=>")
            assert source.count(old) == 1, f"{old!r} is in {fullname} {source.count(old)} times"
            return compile(source.replace(old, new), self.path, "exec")
        change = Without(int(what))
        tree = ast.fix_missing_locations(change.visit(ast.parse(source)))
        assert change.found, f"{fullname} has no statement at line {what}"
        return compile(tree, self.path, "exec")


class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, path, target=None):
        if name != MUTANT.partition(":")[0]:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec and spec.origin:
            spec.loader = Loader(name, spec.origin)
        return spec


if MUTANT:
    sys.meta_path.insert(0, Finder())
