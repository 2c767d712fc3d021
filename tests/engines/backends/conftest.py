"""A GPU where there is none."""

from tests.standin.gpu import driver, standin

__all__ = ["driver", "standin"]
