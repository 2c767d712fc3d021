"""torch: the runtime of GPUs without TensorRT."""
