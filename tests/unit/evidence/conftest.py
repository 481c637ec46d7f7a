"""Shared by the tests of the evidence: the same generated examples every time."""

from hypothesis import settings

# no deadline (shared machines stutter), no database in the tree
settings.register_profile("steady", deadline=None, derandomize=True, database=None)
settings.load_profile("steady")
