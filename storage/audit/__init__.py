"""The audit log, and the names of the people and apps in it."""
