"""People tracking, live."""
