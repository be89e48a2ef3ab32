"""Everything about MongoDB: all queries, indexes and transactions, the embedded server, the driver."""
