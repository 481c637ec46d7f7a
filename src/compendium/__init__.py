"""Five papers on MRI and tissue under the microscope, recomputed: chapters, claims, checks and the methods behind them."""

__version__ = "0.1.0"
