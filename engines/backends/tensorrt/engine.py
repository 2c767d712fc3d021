"""A serialized TensorRT engine on the device: what goes in and out of it, and contexts that run it on given memory."""

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
    """The engine was made for another device, another TensorRT, or of another network: it has to be built anew."""


class Engine:
    """An engine whose contexts share one piece of scratch memory: one of them runs at a time, on one stream."""

    def __init__(self, trt: TensorRT, content: bytes, spec: ModelSpec, device: Device, compiled: bytes = b"") -> None:
        """`compiled` is what `compiled` gave for the same engine before.

        Raises ForeignEngineError where it cannot be loaded here, or is another network; TensorRTError.
        """
        self._trt, self._spec, self._device = trt, spec, device
        self._runtime = trt.called(trt.api.Runtime, trt.logger)
        self._engine = self._deserialised(content)
        names = [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]
        wanted = [spec.input.tensor.name, *(output.name for output in spec.outputs)]
        if missing := [name for name in wanted if name not in names]:
            raise ForeignEngineError(f"the engine is not {spec.name}: it has no tensor {missing[0]!r}")
        self.input_dtype = self._dtype(spec.input.tensor.name)
        for output in spec.outputs:
            if (dtype := self._dtype(output.name)) != output.dtype:
                raise ForeignEngineError(f"the engine is not {spec.name}: {output.name} is {dtype}, not {output.dtype}")
        self._profiles = range(self._engine.num_optimization_profiles)
        self._scratch_bytes = max(self._engine.get_device_memory_size_for_profile_v2(i) for i in self._profiles)
        self._kernels: Any = None
        self._how_contexts_run = self._strategy(compiled)
        self._scratch = device.allocate(max(self._scratch_bytes, 1))

    def batches(self) -> list[int]:
        """The batch sizes that it was built for, ascending."""
        return sorted({self._bounds(profile)[1][0] for profile in self._profiles})

    def work(
        self, images_shape: tuple[int, ...], images: Address, outputs: Sequence[Address], stream: Stream
    ) -> tuple[Work, bool]:
        """What runs the engine on images of that shape at those addresses, and whether it can be captured as a graph.

        All that depends on shapes and addresses is set here, once. Raises TensorRTError where no profile holds images
        of that shape.
        """
        called = self._trt.called
        profile = self._profile_of(images_shape)
        context = called(self._engine.create_execution_context, self._how_contexts_run)
        called(context.set_optimization_profile_async, profile, stream.handle)
        stream.wait()
        self._trt.done(context.set_device_memory, self._scratch, self._scratch_bytes)
        called(context.set_input_shape, self._spec.input.tensor.name, images_shape)
        for name, address in zip(self._names(), (images, *outputs), strict=True):
            called(context.set_tensor_address, name, address)

        def run() -> None:
            called(context.execute_async_v3, stream.handle)

        ask = getattr(context, "is_stream_capturable", None)  # RTX alone knows; the full TensorRT's always are
        return run, ask is None or bool(ask(stream.handle))

    def compiled(self) -> bytes:
        """The kernels that RTX compiled for contexts so far, to begin with the next time; of the full one empty."""
        return b"" if self._kernels is None else bytes(self._trt.called(self._kernels.serialize))

    def close(self) -> None:
        """Frees the engine; the contexts went before."""
        del self._how_contexts_run, self._kernels, self._engine, self._runtime
        self._device.free(self._scratch)

    def _deserialised(self, content: bytes) -> Any:
        try:
            return self._trt.called(self._runtime.deserialize_cuda_engine, content)
        except TensorRTError as error:
            raise ForeignEngineError(str(error)) from error

    def _strategy(self, compiled: bytes) -> Any:
        """What contexts are made with: they run on scratch memory of ours.

        RTX compiles its kernels on the GPU. By itself it does that in the background, and runs others meanwhile, which
        a graph would then hold for good: so it is told to do it before the first run.
        """
        api = self._trt.api
        strategy = api.ExecutionContextAllocationStrategy.USER_MANAGED
        if self._trt.flavour != "tensorrt-rtx":
            return strategy
        config = self._trt.called(self._engine.create_runtime_config)
        self._trt.done(config.set_execution_context_allocation_strategy, strategy)
        config.dynamic_shapes_kernel_specialization_strategy = api.DynamicShapesKernelSpecializationStrategy.EAGER
        self._kernels = self._trt.called(config.create_runtime_cache)
        if compiled:
            self._trt.done(self._kernels.deserialize, compiled)  # gives False where it is of another GPU or driver
        self._trt.called(config.set_runtime_cache, self._kernels)
        return config

    def _names(self) -> list[str]:
        return [self._spec.input.tensor.name, *(output.name for output in self._spec.outputs)]

    def _dtype(self, name: str) -> str:
        dtype = self._engine.get_tensor_dtype(name).name
        return _DTYPES.get(dtype, dtype)

    def _bounds(self, profile: int) -> Any:
        """The least, best and greatest shape of the images of a profile."""
        return self._engine.get_tensor_profile_shape(self._spec.input.tensor.name, profile)

    def _profile_of(self, images_shape: tuple[int, ...]) -> int:
        for profile in self._profiles:
            least, _, most = self._bounds(profile)
            if all(low <= side <= high for low, side, high in zip(least, images_shape, most, strict=True)):
                return profile
        raise TensorRTError(f"the engine of {self._spec.name} was built for no images of {images_shape}")
