"""Every module is in its package's table, every public function says what it does and shows it."""

import ast
import importlib
import inspect
import pkgutil

import pytest

PACKAGES = ("compendium.statistics", "compendium.evidence.feasibility")
MODULES = [
    f"{package}.{info.name}"
    for package in PACKAGES
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__)
]


def public(module):
    tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    return [
        n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef)) and not n.name.startswith("_")
    ]


@pytest.mark.parametrize("module", MODULES)
def test_module_is_in_the_table_of_its_package(module):
    package, _, name = module.rpartition(".")
    assert f"`{name}`" in importlib.import_module(package).__doc__, f"{package}.__init__ names every module"


@pytest.mark.parametrize("module", MODULES)
def test_public_functions_have_a_docstring_with_a_running_example(module):
    for node in public(module):
        text = ast.get_docstring(node)
        assert text, f"{module}.{node.name}"
        if isinstance(node, ast.FunctionDef):
            assert ">>> " in text, f"{module}.{node.name}: an example that runs as a doctest"
