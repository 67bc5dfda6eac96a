"""Prints the versions of the peers and the BLAS that numpy brings."""

import importlib.metadata
import platform

import numpy  # noqa: F401  loads its BLAS
import threadpoolctl

NAMES = ["torch", "jax", "numpy", "scipy", "scikit-learn", "prdc"]
found = [f"{name} {importlib.metadata.version(name)}" for name in NAMES]
blas = [
    f"numpy's BLAS: {library['internal_api']} {library['version']}, kernels {library['architecture']}"
    for library in threadpoolctl.threadpool_info()
    if library["user_api"] == "blas"
]
print(", ".join([f"Python {platform.python_version()}", *found]) + "; " + "; ".join(blas) + ".")
