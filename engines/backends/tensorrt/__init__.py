"""TensorRT, the full one or RTX: the runtime of NVIDIA GPUs."""
