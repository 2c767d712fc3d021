"""torch, for GPUs without TensorRT."""
