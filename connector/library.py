"""The only module that imports python-ldap, which is an optional dependency (the extra `ad`)."""

from typing import Any

from connector.errors import ExtraMissing


def ldap_library() -> Any:  # python-ldap comes without type information
    """The `ldap` package. Raises ExtraMissing, which says what to install."""
    try:
        import ldap
        import ldap.controls.libldap
    except ImportError as error:
        raise ExtraMissing from error
    return ldap
