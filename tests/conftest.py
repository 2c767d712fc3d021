"""What all tests share: property tests try the same cases in every run, and take the time they need."""

from hypothesis import settings

settings.register_profile("posestream", derandomize=True, deadline=None, database=None)
settings.load_profile("posestream")
