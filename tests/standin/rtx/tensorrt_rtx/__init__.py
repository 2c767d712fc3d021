"""A stand-in for TensorRT-RTX: the one for TensorRT, and what RTX alone has.

STANDIN_NOT_CAPTURABLE: its contexts say that they cannot be captured.
"""

import enum
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any


def _of_the_full_one() -> ModuleType:
    file = Path(__file__).parents[2] / "modules" / "tensorrt" / "__init__.py"
    spec = importlib.util.spec_from_file_location("standin_of_the_full_tensorrt", file)
    assert spec is not None and spec.loader is not None, file
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


_full: Any = _of_the_full_one()
__version__ = "1.7.1.standin"
calls: list[str] = _full.calls
for _name in (
    *("ILogger", "DataType", "TensorIOMode", "NetworkDefinitionCreationFlag", "MemoryPoolType", "IProgressMonitor"),
    *("ExecutionContextAllocationStrategy", "OnnxParser"),
):
    globals()[_name] = getattr(_full, _name)


class BuilderFlag(enum.Enum):
    TF32, REQUIRE_USER_ALLOCATION = range(2)


class ComputeCapability(enum.IntEnum):
    SM75 = 75


class DynamicShapesKernelSpecializationStrategy(enum.Enum):
    LAZY, EAGER, NONE = range(3)


class _Config(_full._Config):  # type: ignore[misc]
    num_compute_capabilities = 0

    def set_compute_capability(self, capability: ComputeCapability, index: int) -> bool:
        calls.append(f"set_compute_capability({capability.name})")
        return 0 <= index < self.num_compute_capabilities


class Builder(_full.Builder):  # type: ignore[misc]
    def create_builder_config(self) -> _Config | None:
        return None if _full._refused("create_builder_config") else _Config()


class RuntimeCache:
    """The shapes that contexts were made for, as text; that of another version is refused."""

    def __init__(self) -> None:
        self.known: list[str] = []

    def serialize(self) -> bytes | None:
        return None if _full._refused("serialize") else "\n".join([__version__, *self.known]).encode()

    def deserialize(self, content: bytes) -> bool:
        version, *known = content.decode().split("\n")
        if version == __version__:
            self.known = known
        return version == __version__


class RuntimeConfig:
    cache: RuntimeCache | None = None
    dynamic_shapes_kernel_specialization_strategy = DynamicShapesKernelSpecializationStrategy.LAZY
    strategy: Any = None

    def set_execution_context_allocation_strategy(self, strategy: Any) -> None:
        self.strategy = strategy

    def create_runtime_cache(self) -> RuntimeCache | None:
        return None if _full._refused("create_runtime_cache") else RuntimeCache()

    def set_runtime_cache(self, cache: RuntimeCache) -> bool:
        self.cache = cache
        return not _full._refused("set_runtime_cache")


class IExecutionContext(_full.IExecutionContext):  # type: ignore[misc]
    def __init__(self, engine: Any, config: RuntimeConfig) -> None:
        super().__init__(engine, config.strategy)
        self.cache = config.cache

    def execute_async_v3(self, stream: int) -> bool:
        if self.cache is not None and str(self.shape) not in self.cache.known:
            calls.append(f"compiled for {self.shape}")
            self.cache.known.append(str(self.shape))
        return bool(super().execute_async_v3(stream))

    def is_stream_capturable(self, _stream: int) -> bool:
        return "STANDIN_NOT_CAPTURABLE" not in os.environ


class ICudaEngine(_full.ICudaEngine):  # type: ignore[misc]
    def create_runtime_config(self) -> RuntimeConfig | None:
        return None if _full._refused("create_runtime_config") else RuntimeConfig()

    def create_execution_context(self, config: RuntimeConfig) -> IExecutionContext | None:
        if _full._refused("create_execution_context"):
            return None
        calls[-1] += f"({config.dynamic_shapes_kernel_specialization_strategy.name})"
        return IExecutionContext(self, config)


class Runtime(_full.Runtime):  # type: ignore[misc]
    def deserialize_cuda_engine(self, content: bytes) -> ICudaEngine | None:
        found: ICudaEngine | None = super().deserialize_cuda_engine(content)
        if found is not None:
            found.__class__ = ICudaEngine
        return found
