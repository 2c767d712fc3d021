"""A stand-in for TensorRT on machines without a GPU, to be put on PYTHONPATH beside the stand-in of the driver.

An engine is the ONNX file with its profiles; a context runs it with ONNX Runtime, on the addresses that it was given,
when the stream comes to it. It is as strict as TensorRT: calls out of order, shapes outside a profile and tensors
without an address are refused, by False and None, with the reason in the log. `calls` records what was called.

STANDIN_REFUSE=FUNCTION makes that function fail, as its own does: by None, False, -1, or what pybind raises.
"""

import ctypes
import enum
import json
import os
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort

__version__ = "11.4.0.standin"

calls: list[str] = []
_callbacks: dict[int, Any] = {}
_HOST_FUNCTION = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_NUMPY = {"FLOAT": np.float32, "HALF": np.float16, "INT32": np.int32, "UINT8": np.uint8}
_ONNX = {onnx.TensorProto.FLOAT: "FLOAT", onnx.TensorProto.FLOAT16: "HALF", onnx.TensorProto.INT32: "INT32",
         onnx.TensorProto.UINT8: "UINT8"}  # fmt: skip


def _refused(function: str) -> bool:
    calls.append(function)
    return os.environ.get("STANDIN_REFUSE") == function


def _construct(what: str) -> None:
    """Raises as pybind does where a constructor fails."""
    if _refused(what):
        raise TypeError("pybind11::init(): factory function returned nullptr")


def _done(function: str) -> None:
    """Raises as a function without a result does where it fails."""
    if _refused(function):
        raise RuntimeError(f"{function} was refused")


class ILogger:
    class Severity(enum.IntEnum):
        INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)

    def log(self, severity: Any, message: str) -> None:
        raise NotImplementedError


class DataType(enum.Enum):
    FLOAT, HALF, INT8, INT32, BOOL, UINT8 = range(6)


class TensorIOMode(enum.Enum):
    NONE, INPUT, OUTPUT = range(3)


class NetworkDefinitionCreationFlag(enum.IntEnum):
    EXPLICIT_BATCH, STRONGLY_TYPED = range(2)


class BuilderFlag(enum.Enum):
    TF32 = 0


class MemoryPoolType(enum.Enum):
    WORKSPACE = 0


class ExecutionContextAllocationStrategy(enum.Enum):
    STATIC, ON_PROFILE_CHANGE, USER_MANAGED = range(3)


class IProgressMonitor:
    pass


class Dims(tuple):  # type: ignore[type-arg]
    pass


class _Tensor:
    def __init__(self, info: Any) -> None:
        self.name: str = info.name
        self.dtype = DataType[_ONNX[info.type.tensor_type.elem_type]]
        dims = info.type.tensor_type.shape.dim
        self.shape = Dims(d.dim_value if d.HasField("dim_value") else -1 for d in dims)


class INetworkDefinition:
    model: Any = None

    @property
    def num_inputs(self) -> int:
        return len(self.model.graph.input)

    @property
    def num_outputs(self) -> int:
        return len(self.model.graph.output)

    def get_input(self, i: int) -> _Tensor:
        return _Tensor(self.model.graph.input[i])

    def get_output(self, i: int) -> _Tensor:
        return _Tensor(self.model.graph.output[i])


class OnnxParser:
    def __init__(self, network: INetworkDefinition, _logger: ILogger) -> None:
        _construct("OnnxParser")
        self.network, self.num_errors = network, 0

    def parse(self, content: bytes, _path: str | None = None) -> bool:
        if _refused("parse"):
            return False
        self.network.model = onnx.load_from_string(content)
        return True

    def parse_from_file(self, path: str) -> bool:
        if _refused("parse_from_file"):
            return False
        self.network.model = onnx.load(path)
        return True

    def get_error(self, _i: int) -> str:
        return "no error"


class _Profile:
    def __init__(self) -> None:
        self.shapes: dict[str, list[list[int]]] = {}

    def set_shape(self, name: str, least: Any, best: Any, most: Any) -> None:
        _done("set_shape")
        self.shapes[name] = [list(least), list(best), list(most)]


class _Config:
    def __init__(self) -> None:
        self.profiles: list[_Profile] = []
        self.progress_monitor: Any = None

    def add_optimization_profile(self, profile: _Profile) -> int:
        if _refused("add_optimization_profile"):
            return -1
        self.profiles.append(profile)
        return len(self.profiles) - 1

    def set_flag(self, flag: Any) -> None:
        calls.append(f"set_flag({flag.name})")

    def clear_flag(self, flag: Any) -> None:
        calls.append(f"clear_flag({flag.name})")

    def set_memory_pool_limit(self, pool: Any, size: int) -> None:
        pass


class Builder:
    def __init__(self, _logger: ILogger) -> None:
        _construct("Builder")

    def create_network(self, flags: int = 0) -> INetworkDefinition | None:
        if _refused("create_network"):
            return None
        calls[-1] = f"create_network({flags})"
        return INetworkDefinition()

    def create_builder_config(self) -> _Config | None:
        return None if _refused("create_builder_config") else _Config()

    def create_optimization_profile(self) -> _Profile | None:
        return None if _refused("create_optimization_profile") else _Profile()

    def build_serialized_network(self, network: INetworkDefinition, config: _Config) -> bytes | None:
        if _refused("build_serialized_network"):
            return None
        config.progress_monitor.phase_start("Building", None, 2)
        for step in range(2):
            config.progress_monitor.step_complete("Building", step)
        config.progress_monitor.phase_finish("Building")
        header = json.dumps([profile.shapes for profile in config.profiles]).encode()
        content: bytes = network.model.SerializeToString()
        return b"STANDIN1" + len(header).to_bytes(8, "little") + header + content


class Runtime:
    def __init__(self, logger: ILogger) -> None:
        _construct("Runtime")
        self.logger = logger

    def deserialize_cuda_engine(self, content: bytes) -> "ICudaEngine | None":
        content = bytes(content)
        if _refused("deserialize_cuda_engine") or content[:8] != b"STANDIN1":
            self.logger.log(ILogger.Severity.ERROR, "the engine is of another version")
            return None
        end = 16 + int.from_bytes(content[8:16], "little")
        return ICudaEngine(json.loads(content[16:end]), content[end:], self.logger)


class ICudaEngine:
    def __init__(self, profiles: list[dict[str, list[list[int]]]], content: bytes, logger: ILogger) -> None:
        self.profiles, self.logger = profiles, logger
        graph = onnx.load_from_string(content).graph
        self.inputs = [_Tensor(info) for info in graph.input]
        self.tensors = {tensor.name: tensor for tensor in (*self.inputs, *map(_Tensor, graph.output))}
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self.session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self.num_io_tensors = len(self.tensors)
        self.num_optimization_profiles = len(profiles)

    def get_tensor_name(self, i: int) -> str:
        return list(self.tensors)[i]

    def get_tensor_mode(self, name: str) -> TensorIOMode:
        return TensorIOMode.INPUT if name in {tensor.name for tensor in self.inputs} else TensorIOMode.OUTPUT

    def get_tensor_dtype(self, name: str) -> DataType:
        return self.tensors[name].dtype

    def get_tensor_shape(self, name: str) -> Dims:
        return self.tensors[name].shape

    def get_tensor_profile_shape(self, name: str, profile: int) -> list[list[int]]:
        return self.profiles[profile][name]

    def get_device_memory_size_for_profile_v2(self, _profile: int) -> int:
        return 4096

    def create_execution_context(self, strategy: Any = None) -> "IExecutionContext | None":
        if _refused("create_execution_context"):
            return None
        return IExecutionContext(self, strategy)


class IExecutionContext:
    def __init__(self, engine: ICudaEngine, strategy: Any) -> None:
        self.engine, self.strategy = engine, strategy
        self.profile: int | None = None
        self.memory = 0
        self.shape: list[int] | None = None
        self.addresses: dict[str, int] = {}

    def set_optimization_profile_async(self, profile: int, _stream: int) -> bool:
        _done("set_optimization_profile_async")
        if not 0 <= profile < len(self.engine.profiles):
            return False
        self.profile = profile
        return True

    def set_device_memory(self, address: int, size: int) -> None:
        _done("set_device_memory")
        assert address % 256 == 0, "device memory on a boundary of 256 bytes"
        assert size >= self.engine.get_device_memory_size_for_profile_v2(0), "enough of it"
        self.memory = address

    def set_input_shape(self, name: str, shape: Any) -> bool:
        if _refused("set_input_shape") or self.profile is None:
            return False
        least, _, most = self.engine.profiles[self.profile][name]
        if not all(low <= side <= high for low, side, high in zip(least, shape, most, strict=True)):
            self.engine.logger.log(ILogger.Severity.ERROR, f"{list(shape)} is outside the profile")
            return False
        self.shape = list(shape)
        return True

    def set_tensor_address(self, name: str, address: int) -> bool:
        if _refused("set_tensor_address") or name not in self.engine.tensors:
            return False
        self.addresses[name] = address
        return True

    def execute_async_v3(self, stream: int) -> bool:
        if _refused("execute_async_v3") or self.shape is None or set(self.addresses) != set(self.engine.tensors):
            return False
        if self.strategy is ExecutionContextAllocationStrategy.USER_MANAGED and not self.memory:
            return False
        key = len(_callbacks)
        _callbacks[key] = _HOST_FUNCTION(lambda _: self._run())  # a graph calls it as often as it is launched
        return bool(ctypes.CDLL("libcuda.so.1").cuLaunchHostFunc(ctypes.c_void_p(stream), _callbacks[key], None) == 0)

    def _run(self) -> None:
        (given,) = self.engine.inputs
        assert self.shape is not None, "checked before"
        images = self._memory(given.name, self.shape)
        names = [tensor.name for tensor in self.engine.session.get_outputs()]
        for name, found in zip(names, self.engine.session.run(names, {given.name: images}), strict=True):
            self._memory(name, found.shape)[...] = found

    def _memory(self, name: str, shape: Any) -> Any:
        dtype = np.dtype(_NUMPY[self.engine.tensors[name].dtype.name])
        size = int(np.prod(shape)) * dtype.itemsize
        memory = (ctypes.c_char * size).from_address(self.addresses[name])
        return np.frombuffer(memoryview(memory), dtype).reshape(shape)
