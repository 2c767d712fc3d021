"""How fast posestream is, measured on the machine at hand: `python -m tools.benchmark --help`."""
