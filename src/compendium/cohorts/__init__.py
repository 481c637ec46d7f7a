"""Seeded illustration cohorts and phantoms, one file per study; every figure drawn from one says so."""
