"""Who sends a request: the ways to sign in, and the proxies in between."""
