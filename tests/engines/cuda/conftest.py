"""The kernels on the CPU, for all tests here."""

from tests.engines.cuda.on_cpu import on_cpu

__all__ = ["on_cpu"]
