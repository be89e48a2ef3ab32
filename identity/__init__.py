"""Who sends a request: the ways to sign in, the verification of tokens, and the proxies in between."""
