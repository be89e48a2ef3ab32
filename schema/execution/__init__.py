"""Executes GraphQL operations: limits, cost, the fast path, and errors."""
