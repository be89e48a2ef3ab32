"""Lists of contacts and groups: filters, pages, and the indexes that serve them."""
