"""A serialized TensorRT engine on the device: what goes in and out of it, and contexts that run it on given memory."""

from collections.abc import Mapping, Sequence
from typing import Any

from engines.backends.tensorrt.installed import TensorRT, TensorRTError
from engines.cuda.device import Address, Device, Stream
from engines.cuda.graph import Work
from engines.spec import ModelSpec

_DTYPES: Mapping[str, str] = {
    "FLOAT": "float32",
    "HALF": "float16",
    "INT32": "int32",
    "UINT8": "uint8",
}
"""TensorRT's names of types -> numpy's."""


class Engine:
    """An engine whose contexts share one piece of scratch memory: one of them runs at a time, on one stream."""

    def __init__(self, trt: TensorRT, content: bytes, spec: ModelSpec, device: Device) -> None:
        """Raises TensorRTError where it cannot be loaded here, or is another network."""
        self._trt, self._spec, self._device = trt, spec, device
        self._runtime = trt.checked(trt.api.Runtime(trt.logger), "Runtime")
        self._engine = trt.checked(self._runtime.deserialize_cuda_engine(content), "deserialize_cuda_engine")
        names = [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]
        wanted = [spec.input.tensor.name, *(output.name for output in spec.outputs)]
        if missing := [name for name in wanted if name not in names]:
            raise TensorRTError(f"the engine is not {spec.name}: it has no tensor {missing[0]!r}")
        self.input_dtype = self._dtype(spec.input.tensor.name)
        for output in spec.outputs:
            if (dtype := self._dtype(output.name)) != output.dtype:
                raise TensorRTError(f"the engine is not {spec.name}: {output.name} is {dtype}, not {output.dtype}")
        self._profiles = range(self._engine.num_optimization_profiles)
        self._scratch_bytes = max(self._engine.get_device_memory_size_for_profile_v2(i) for i in self._profiles)
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
        trt = self._trt
        profile = self._profile_of(images_shape)
        strategy = trt.api.ExecutionContextAllocationStrategy.USER_MANAGED
        context = trt.checked(self._engine.create_execution_context(strategy), "create_execution_context")
        chosen = context.set_optimization_profile_async(profile, stream.handle)
        trt.checked(chosen, f"set_optimization_profile_async({profile})")
        stream.wait()
        context.set_device_memory(self._scratch, self._scratch_bytes)
        name = self._spec.input.tensor.name
        trt.checked(context.set_input_shape(name, images_shape), f"set_input_shape({name!r}, {images_shape})")
        for name, address in zip(self._names(), (images, *outputs), strict=True):
            trt.checked(context.set_tensor_address(name, address), f"set_tensor_address({name!r})")

        def run() -> None:
            trt.checked(context.execute_async_v3(stream.handle), "execute_async_v3")

        ask = getattr(context, "is_stream_capturable", None)  # RTX alone knows; the full TensorRT's always are
        return run, ask is None or bool(ask(stream.handle))

    def close(self) -> None:
        """Frees the engine; the contexts went before."""
        del self._engine, self._runtime
        self._device.free(self._scratch)

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
