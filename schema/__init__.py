"""The GraphQL API: types, inputs, results, bindings, the executor, and the committed `schema.graphql`."""
