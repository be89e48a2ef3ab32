"""The operations of the domain, one function each, shared by GraphQL, REST, the command line and the sync."""
