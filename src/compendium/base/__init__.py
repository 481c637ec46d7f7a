"""What every other module may lean on: checks of arrays, and the parallel map."""
