"""What can go wrong with the provider itself. What is wrong with a token is in `resolvers.errors`."""


class ProviderUnavailable(Exception):
    """Raised when no token can be verified, because the provider's keys have never arrived. Answer 503, not 401.

    `message` is for clients, `str(error)` is the reason with what to do, for the log.
    """

    message = "Nobody can sign in at the moment, because the provider cannot be reached. Retry in a minute."


class DocumentUnusable(Exception):
    """Raised when the provider's discovery document or keys cannot be fetched or used. The message says what to do."""
