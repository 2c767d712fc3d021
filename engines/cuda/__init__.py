"""NVIDIA GPUs: driver, memory, streams, graphs, and the kernels that cut crops and decode keypoints."""
