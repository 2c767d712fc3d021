"""TensorRT or TensorRT-RTX: the runtime of NVIDIA GPUs."""
