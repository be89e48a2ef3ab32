"""The GraphQL types, inputs and results."""
