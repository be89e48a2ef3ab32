"""Decides: one function per operation of the domain, shared by GraphQL, REST, the command line and the sync."""
