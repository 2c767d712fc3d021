"""A GPU of NVIDIA's: its driver, memory, streams, graphs, and the kernels that cut crops and decode maps."""
