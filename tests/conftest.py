"""Settings of all tests: property-based tests draw the same examples every time, and have no deadline on busy machines."""

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None, print_blob=False)
settings.load_profile("repeatable")
