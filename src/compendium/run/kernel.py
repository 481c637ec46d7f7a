"""The kernel of a chapter: an IPython kernel that does not outlive the worker that started it."""

import os

from compendium.run.processes import die_with_parent


def main() -> None:
    """Start an IPython kernel with the connection file named on the command line."""
    die_with_parent(int(os.environ["COMPENDIUM_WORKER"]))
    from ipykernel.kernelapp import IPKernelApp

    IPKernelApp.launch_instance()


if __name__ == "__main__":
    main()
