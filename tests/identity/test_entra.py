"""Tokens of Microsoft Entra ID: tenants, versions, scopes and groups."""

from typing import Any

import pytest

from identity import entra
from identity.oidc import Provider, opened
from resolvers.caller import Role
from resolvers.errors import Unauthenticated
from tests.support.simulated_providers import AUDIENCE, CONTOSO, FABRIKAM, PERSON, ROLES, Providers

GLOBAL = f"https://login.microsoftonline.com/{CONTOSO}/v2.0"
GOVERNMENT = f"https://login.microsoftonline.us/{CONTOSO}/v2.0"
CHINA = f"https://login.partner.microsoftonline.cn/{CONTOSO}/v2.0"
EXTERNAL = f"https://{CONTOSO}.ciamlogin.com/{CONTOSO}/v2.0"
V1 = f"https://sts.windows.net/{CONTOSO}/"
V1_CHINA = f"https://sts.chinacloudapi.cn/{CONTOSO}/"


@pytest.fixture
async def contoso(shared_providers: Providers) -> Any:
    """What verifies the tokens of Contoso's tenant."""
    async with opened(shared_providers.contoso.settings()) as provider:
        yield provider


@pytest.mark.parametrize(
    ("issuer", "accepted"),
    [
        (GLOBAL, {GLOBAL, V1}),
        (GOVERNMENT, {GOVERNMENT, V1}),
        (CHINA, {CHINA, V1_CHINA}),
        (V1, {GLOBAL, GOVERNMENT, V1}),
        (V1_CHINA, {CHINA, V1_CHINA}),
        (EXTERNAL, {EXTERNAL, V1}),
    ],
)
def test_issuers(issuer: str, accepted: set[str]) -> None:
    """Both versions of a tenant's tokens are accepted, in each national cloud."""
    tenant = entra.tenant_of(issuer)
    assert tenant == CONTOSO
    assert entra.issuers_of(issuer, tenant) == accepted


@pytest.mark.parametrize("issuer", ["https://login.microsoftonline.com/{tenantid}/v2.0", GLOBAL, V1])
def test_marked_keys(issuer: str) -> None:
    """Entra marks keys with the issuer that they are for, with a placeholder for the tenant."""
    for own in (GLOBAL, V1):
        assert issuer in entra.marks_of(entra.issuers_of(own, CONTOSO), CONTOSO)


@pytest.mark.parametrize(
    "issuer",
    [
        "https://login.example",
        "https://login.example/realms/contacts",
        f"https://login.example/{CONTOSO}",
        f"https://contoso.b2clogin.com/{CONTOSO}/v2.0/",
        "https://login.microsoftonline.com/contoso.example/v2.0",
        f"https://login.example/tenants/{CONTOSO}/v2.0",
    ],
)
def test_other_issuers(issuer: str) -> None:
    """Other addresses are those of other providers."""
    assert entra.tenant_of(issuer) is None


async def test_version_1(contoso: Provider, shared_providers: Providers) -> None:
    """A token of version 1 is accepted."""
    tenant = shared_providers.contoso
    found = await contoso.identify(tenant.bearer(tenant.user_v1(aud=AUDIENCE)))
    assert (found.id, found.name, found.kind, found.role) == (PERSON, "ada@contoso.example", "USER", Role.EDITOR)


async def test_app_of_version_1(contoso: Provider, shared_providers: Providers) -> None:
    """An app's token of version 1 is accepted, also without the optional claim idtyp."""
    tenant = shared_providers.contoso
    claims = tenant.app(iss=V1, ver="1.0", idtyp=None, azp=None, appid="script")
    found = await contoso.identify(tenant.bearer(claims))
    assert (found.id, found.name, found.kind, found.role) == ("a99", "script", "APP", Role.READER)


async def test_tenants_share_keys(shared_providers: Providers) -> None:
    """Each tenant's service accepts its own tokens, although both have the same key."""
    for tenant in (shared_providers.contoso, shared_providers.fabrikam):
        async with opened(tenant.settings()) as provider:
            assert (await provider.identify(tenant.bearer())).role is Role.EDITOR
    assert {shared_providers.contoso.tenant, shared_providers.fabrikam.tenant} == {CONTOSO, FABRIKAM}


@pytest.mark.parametrize(
    ("roles", "scp", "expected"),
    [
        (["Contacts.Admin"], "Contacts.Read", Role.READER),
        (["Contacts.Read"], "Contacts.Admin", Role.READER),
        (["Contacts.Read", "Contacts.ReadWrite"], "openid Contacts.ReadWrite Contacts.Admin", Role.EDITOR),
        (["Contacts.Admin"], "Contacts.Admin", Role.ADMIN),
        (["Contacts.Admin"], "openid profile", None),
        ([], "Contacts.Admin", None),
        (None, "Contacts.Admin", None),
        (["contacts.admin"], "Contacts.Admin", None),
    ],
)
async def test_app_for_a_user(
    contoso: Provider, shared_providers: Providers, roles: list[str] | None, scp: str, expected: Role | None
) -> None:
    """An app that acts for a user may do what both of them may."""
    tenant = shared_providers.contoso
    assert (await contoso.identify(tenant.bearer(tenant.user(roles=roles, scp=scp)))).role == expected


@pytest.mark.parametrize(
    "groups",
    [
        {"hasgroups": True},
        {"hasgroups": "true"},
        {"_claim_names": {"groups": "src1"}},
        {"_claim_names": {"roles": "src1"}},
    ],
    ids=str,
)
async def test_too_many_groups(contoso: Provider, shared_providers: Providers, groups: dict[str, object]) -> None:
    """If roles are missing because a user is in too many groups, the message says what to configure."""
    tenant = shared_providers.contoso
    with pytest.raises(Unauthenticated, match=r"too many groups .* assign app roles instead"):
        await contoso.identify(tenant.bearer(tenant.user(roles=None, **groups)))
    assert (await contoso.identify(tenant.bearer(tenant.user(roles=[ROLES["ADMIN"]], **groups)))).role is Role.ADMIN
