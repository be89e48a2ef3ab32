"""What is special about Microsoft Entra ID: tenants with two issuers each, and its own claims."""

import re

from identity.syntax import Members

_GUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_V2 = re.compile(rf"https?://[^/]+/({_GUID})/v2\.0")
_V1 = re.compile(rf"https://sts\.(?:windows\.net|chinacloudapi\.cn)/({_GUID})/")
# Version 2 and version 1 of the tokens of one tenant: worldwide, for the government of the US, in China.
_CLOUDS = (
    ("https://login.microsoftonline.com/{}/v2.0", "https://sts.windows.net/{}/"),
    ("https://login.microsoftonline.us/{}/v2.0", "https://sts.windows.net/{}/"),
    ("https://login.partner.microsoftonline.cn/{}/v2.0", "https://sts.chinacloudapi.cn/{}/"),
)
_OVERAGE = ("groups", "roles")


def tenant_of(issuer: str) -> str | None:
    """The ID of the tenant that this issuer is, None if it is not one of Entra."""
    found = _V2.fullmatch(issuer) or _V1.fullmatch(issuer)
    return found[1] if found else None


def issuers_of(issuer: str, tenant: str) -> frozenset[str]:
    """All issuers of this tenant's tokens. An app registration chooses the version, and so the issuer.

    They share the keys. An address that is not in the list of clouds is taken for one of the worldwide cloud.
    """
    clouds = [{each.format(tenant) for each in cloud} for cloud in _CLOUDS]
    own = [cloud for cloud in clouds if issuer in cloud] or [{_CLOUDS[0][1].format(tenant)}]
    return frozenset({issuer}.union(*own))


def marks_of(issuers: frozenset[str], tenant: str) -> frozenset[str]:
    """What the keys of these issuers may be marked with: the issuers, with the tenant's ID or with a placeholder."""
    return issuers | {each.replace(tenant, "{tenantid}") for each in issuers}


def is_app_only(claims: Members) -> bool:
    """Whether an app has signed in for itself, without a user. The claim `idtyp` is optional."""
    kind = claims.get("idtyp")
    return "scp" not in claims and (kind == "app" or (kind is None and claims.get("oid") == claims.get("sub")))


def lacks_groups(claims: Members) -> bool:
    """Whether Entra left out groups, and so perhaps roles, because the user is in too many of them."""
    elsewhere = claims.get("_claim_names")
    named = elsewhere.keys() if isinstance(elsewhere, dict) else ()
    return claims.get("hasgroups") in (True, "true") or any(each in named for each in _OVERAGE)
