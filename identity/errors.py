"""What can go wrong with the provider itself. What is wrong with a token is in `resolvers.errors`."""


class ProviderUnavailable(Exception):
    """Raised when no token can be verified, because the provider's keys have never arrived. Answer 503, not 401."""

    def __init__(self, reason: str) -> None:
        self.message = f"Nobody can sign in at the moment: {reason}"
        super().__init__(self.message)


class DocumentUnusable(Exception):
    """Raised when the provider's discovery document or keys cannot be fetched or used. The message says what to do."""
