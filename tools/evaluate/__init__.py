"""Scores models as a user of the stream gets them: through the processes of a run."""
