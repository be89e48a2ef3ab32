"""The embedded MongoDB server and its data directory."""
