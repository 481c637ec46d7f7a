"""Printed numbers, what they admit, what was computed, and whether the two agree."""
