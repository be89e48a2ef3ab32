"""Speaks Mongo: every query, index and transaction, the embedded server and the driver."""
