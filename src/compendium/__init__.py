"""Five papers on MRI and tissue under the microscope, recomputed: chapters, claims, checks and the methods behind them."""

import os

__version__ = "0.1.0"

# pandas imports pyarrow, whose own allocators reserve a gigabyte of address space in every process; the system's does not
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
