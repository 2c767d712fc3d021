"""A serialized TensorRT engine on the device: its inputs and outputs, and contexts that run it on given memory."""

from collections.abc import Mapping, Sequence
from typing import Any

from posestream.engines.backends.tensorrt.api import TensorRT, TensorRTError
from posestream.engines.cuda.cuda_graph import Work
from posestream.engines.cuda.device import Address, Device, Stream
from posestream.engines.spec import ModelSpec

_DTYPES: Mapping[str, str] = {
    "FLOAT": "float32",
    "HALF": "float16",
    "INT32": "int32",
    "UINT8": "uint8",
}
"""TensorRT's names of types -> numpy's."""


class ForeignEngineError(TensorRTError):
    """The engine is of another device, another TensorRT or another network, and has to be rebuilt."""


class Engine:
    """A deserialized engine. Its contexts share one scratch memory: one of them runs at a time, on one stream."""

    def __init__(
        self, trt: TensorRT, content: bytes, spec: ModelSpec, device: Device, runtime_cache: bytes = b""
    ) -> None:
        """`runtime_cache`: bytes returned earlier by `Engine.runtime_cache`, to skip RTX's JIT compilation.

        Raises ForeignEngineError where the engine cannot be loaded here, or is another network; TensorRTError where
        another call fails.
        """
        self._trt, self._spec, self._device = trt, spec, device
        self._runtime = trt.call(trt.api.Runtime, trt.logger)
        self._engine = self._deserialised(content)
        self._check_tensors()
        self.input_dtype = self._dtype(spec.input.tensor.name)
        self._profiles = range(self._engine.num_optimization_profiles)
        self._scratch_bytes = max(self._engine.get_device_memory_size_for_profile_v2(i) for i in self._profiles)
        self._runtime_cache: Any = None
        self._context_config = self._configure_contexts(runtime_cache)
        self._scratch = device.allocate(max(self._scratch_bytes, 1))

    def batch_sizes(self) -> list[int]:
        """The batch sizes of its profiles, ascending."""
        return sorted({self._profile_shapes(profile)[1][0] for profile in self._profiles})

    def bind(
        self, images_shape: tuple[int, ...], images: Address, outputs: Sequence[Address], stream: Stream
    ) -> tuple[Work, bool]:
        """Work that runs the engine on images of that shape at those addresses, and whether it can be graph-captured.

        Sets shapes and addresses, once. Raises TensorRTError where no profile covers the shape, or a call fails.
        """
        call = self._trt.call
        profile = self._profile_of(images_shape)
        context = call(self._engine.create_execution_context, self._context_config)
        call(context.set_optimization_profile_async, profile, stream.handle)
        stream.wait()
        self._trt.call_void(context.set_device_memory, self._scratch, self._scratch_bytes)
        call(context.set_input_shape, self._spec.input.tensor.name, images_shape)
        names = [self._spec.input.tensor.name, *(output.name for output in self._spec.outputs)]
        for name, address in zip(names, (images, *outputs), strict=True):
            call(context.set_tensor_address, name, address)

        def run() -> None:
            call(context.execute_async_v3, stream.handle)

        is_capturable = getattr(context, "is_stream_capturable", None)  # of RTX; full TensorRT's contexts always are
        return run, is_capturable is None or bool(is_capturable(stream.handle))

    def runtime_cache(self) -> bytes:
        """The kernels that RTX has JIT-compiled so far, for the next start; empty for the full TensorRT."""
        return b"" if self._runtime_cache is None else bytes(self._trt.call(self._runtime_cache.serialize))

    def close(self) -> None:
        """Frees the engine; its contexts were freed before."""
        del self._context_config, self._runtime_cache, self._engine, self._runtime
        self._device.free(self._scratch)

    def _deserialised(self, content: bytes) -> Any:
        try:
            return self._trt.call(self._runtime.deserialize_cuda_engine, content)
        except TensorRTError as error:
            raise ForeignEngineError(str(error)) from error

    def _check_tensors(self) -> None:
        spec = self._spec
        names = [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]
        expected = [spec.input.tensor.name, *(output.name for output in spec.outputs)]
        if missing := [name for name in expected if name not in names]:
            raise ForeignEngineError(f"the engine is not {spec.name}: it has no tensor {missing[0]!r}")
        for output in spec.outputs:
            if (dtype := self._dtype(output.name)) != output.dtype:
                raise ForeignEngineError(f"the engine is not {spec.name}: {output.name} is {dtype}, not {output.dtype}")

    def _configure_contexts(self, runtime_cache: bytes) -> Any:
        """What contexts are created with: they run in scratch memory that this class allocates.

        RTX compiles its kernels on the GPU. By default it does so in the background and runs fallback kernels until
        then, which a CUDA graph would hold for good: EAGER compiles them before the first run.
        """
        api = self._trt.api
        strategy = api.ExecutionContextAllocationStrategy.USER_MANAGED
        if self._trt.flavour != "tensorrt-rtx":
            return strategy
        config = self._trt.call(self._engine.create_runtime_config)
        self._trt.call_void(config.set_execution_context_allocation_strategy, strategy)
        config.dynamic_shapes_kernel_specialization_strategy = api.DynamicShapesKernelSpecializationStrategy.EAGER
        self._runtime_cache = self._trt.call(config.create_runtime_cache)
        if runtime_cache:
            self._trt.call_void(self._runtime_cache.deserialize, runtime_cache)  # False: of another GPU or driver
        self._trt.call(config.set_runtime_cache, self._runtime_cache)
        return config

    def _dtype(self, name: str) -> str:
        dtype = self._engine.get_tensor_dtype(name).name
        return _DTYPES.get(dtype, dtype)

    def _profile_shapes(self, profile: int) -> Any:
        """The min, opt and max shape of the images of a profile."""
        return self._engine.get_tensor_profile_shape(self._spec.input.tensor.name, profile)

    def _profile_of(self, images_shape: tuple[int, ...]) -> int:
        for profile in self._profiles:
            min_shape, _, max_shape = self._profile_shapes(profile)
            if all(low <= side <= high for low, side, high in zip(min_shape, images_shape, max_shape, strict=True)):
                return profile
        raise TensorRTError(f"the engine of {self._spec.name} was built for no images of {images_shape}")
