"""The one place that imports python-ldap, which is an extra of the install."""

from typing import Any

from connector.errors import ExtraMissing


def ldap_library() -> Any:  # python-ldap comes without type information
    """The `ldap` package; raises ExtraMissing with what to install."""
    try:
        import ldap
        import ldap.controls.libldap
    except ImportError as error:
        raise ExtraMissing from error
    return ldap
