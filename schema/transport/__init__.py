"""GraphQL over HTTP and WebSockets: the only place in `schema` that knows Starlette."""
