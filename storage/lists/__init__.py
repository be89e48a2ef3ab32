"""Lists of contacts and groups: filters, pages, and the indexes they use."""
