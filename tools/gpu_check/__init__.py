"""What posestream promises of GPUs, measured on this machine: `python -m tools.gpu_check`."""
