"""The service's settings: one immutable object, read from the `CONTACTS_*` environment variables."""

import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from runtime import trusted

# What the profile `hardened` sets. Depth and cost are twice what the dearest of our own examples need.
HARDENED: Mapping[str, object] = {
    "max_depth": 10,
    "max_aliases": 15,
    "max_tokens": 1_000,
    "max_directives": 50,
    "max_cost": 750,
    "timeout_seconds": 10,
    "max_concurrent_operations": 20,
    "max_subscriptions": 50,
    "rate_limit": 30_000,
    "max_failed_sign_ins": 60,
    "introspection": "off",
    "suggestions": "off",
    "graphiql": "off",
    "get_queries": "off",
}
# Options of a MongoDB URI with passwords, keys and session tokens.
_SECRET_OPTIONS = re.compile(r"(\w*password|authMechanismProperties)=[^&]*", re.IGNORECASE)
# A domain name has at most 253 characters (RFC 1035).
_LONGEST_HOST = 300
# The origins of pages that only this machine serves.
LOOPBACK_ORIGIN = re.compile(
    r"https?://(localhost|([a-z0-9-]+\.)+localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE
)


class Settings(BaseSettings):
    """Everything an operator can set. The field `x_y` is read from the variable `CONTACTS_X_Y`."""

    # The input contains passwords, so an error in one field must not print all of them.
    model_config = SettingsConfigDict(env_prefix="CONTACTS_", frozen=True, extra="forbid", hide_input_in_errors=True)

    host: Annotated[str, Field(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="Port to listen on. 0 picks a free port.")] = 8000
    workers: Annotated[
        int, Field(ge=1, le=256, description="Number of server processes on that port. Use at most one per core.")
    ] = 1
    data_dir: Annotated[
        Path, Field(description="Data directory of the embedded MongoDB. Not used if CONTACTS_MONGODB_URI is set.")
    ] = Path(".contacts")
    mongodb_uri: Annotated[
        str | None,
        Field(description="URI of a MongoDB replica set or sharded cluster to use instead of the embedded MongoDB."),
    ] = None
    database: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,63}$", description="Name of the MongoDB database.")] = (
        "contacts"
    )
    driver: Annotated[
        Literal["motor", "pymongo"],
        Field(description="MongoDB client: motor, or pymongo for PyMongo's own async client."),
    ] = "motor"
    auth: Annotated[
        Literal["none", "oidc", "proxy"],
        Field(
            description="How users sign in. none: not at all, so the service listens on loopback addresses only. "
            "oidc: with bearer tokens of an OpenID Connect provider. proxy: a proxy signs them in, and sends their "
            "name and roles in headers."
        ),
    ] = "none"
    oidc_issuer: Annotated[
        str | None,
        Field(
            description="Issuer of the tokens, as the provider's discovery document writes it, such as "
            "https://login.microsoftonline.com/TENANT-ID/v2.0. Must use https, except on loopback addresses."
        ),
    ] = None
    oidc_audience: Annotated[
        str | None,
        Field(
            description="Audience that tokens must name: this service's ID at the provider. If it has several, "
            "separate them by spaces: tokens must name at least one."
        ),
    ] = None
    oidc_roles_claim: Annotated[
        str,
        Field(
            min_length=1,
            description="Claim with the roles Contacts.Read, Contacts.ReadWrite and Contacts.Admin. A claim within "
            "another one is written with a dot, such as realm_access.roles.",
        ),
    ] = "roles"
    oidc_client_id: Annotated[
        str | None,
        Field(description="Client ID with which GraphiQL signs users in. If empty, GraphiQL asks for a token."),
    ] = None
    oidc_scope: Annotated[
        str | None,
        Field(
            description="Scopes that GraphiQL asks for, separated by spaces, such as "
            "api://contacts/Contacts.ReadWrite. If empty, openid only."
        ),
    ] = None
    tls_certificate_file: Annotated[
        Path | None,
        Field(description="PEM file with the certificate of this service and its chain. If set, it serves HTTPS only."),
    ] = None
    tls_key_file: Annotated[
        Path | None, Field(description="PEM file with the private key of that certificate, not encrypted.")
    ] = None
    trusted_proxies: Annotated[
        tuple[str, ...],
        NoDecode,
        Field(
            description="Addresses or networks of proxies in front of the service, separated by spaces, such as "
            "10.0.0.7 10.1.0.0/16. Their X-Forwarded-For, -Proto and -Host headers are believed, and nobody else's."
        ),
    ] = ()
    proxy_user_header: Annotated[
        str,
        Field(description="With CONTACTS_AUTH=proxy, the header with the user's name."),
    ] = "X-Forwarded-User"
    proxy_roles_header: Annotated[
        str,
        Field(
            description="With CONTACTS_AUTH=proxy, the header with the user's roles, separated by commas: "
            "Contacts.Read, Contacts.ReadWrite or Contacts.Admin. Others are ignored."
        ),
    ] = "X-Forwarded-Groups"
    audit_retention_days: Annotated[
        int, Field(ge=1, le=36_500, description="How long entries of the audit log are kept, in days.")
    ] = 365
    audit_reads: Annotated[
        Literal["on", "off"],
        Field(description="on adds an entry to the audit log for each read, too. off records changes and refusals."),
    ] = "off"
    allowed_hosts: Annotated[
        tuple[str, ...],
        NoDecode,
        Field(
            description="Additional host names that requests may use, separated by spaces, such as contacts.example. "
            "Set this if a proxy on this machine forwards requests under another name. localhost and loopback "
            "addresses are always allowed."
        ),
    ] = ()
    allowed_origins: Annotated[
        tuple[str, ...],
        NoDecode,
        Field(
            description="Other origins whose web pages may call the service, separated by spaces, such as "
            "https://intranet.example. If empty, only the service's own pages may."
        ),
    ] = ()
    allow_loopback_origins: Annotated[
        bool,
        Field(
            description="Whether web pages served on this machine may call the service, on any port, such as those of "
            "a development server. `contacts serve --demo` sets it."
        ),
    ] = False
    default_region: Annotated[
        str,
        Field(
            pattern=r"^([A-Z]{2})?$",
            description="ISO 3166 code of the country whose dialing rules apply to the phone numbers of contacts "
            "without a country, such as US. If empty, such numbers must start with +.",
        ),
    ] = ""
    max_body_bytes: Annotated[
        int, Field(ge=1024, description="Maximum size of a request body, except for imports, in bytes.")
    ] = 1_048_576
    profile: Annotated[
        Literal["standard", "hardened"],
        Field(
            description="hardened lowers the limits and hides the schema, for services that strangers can reach. A "
            "setting that is given wins over the profile."
        ),
    ] = "standard"
    max_depth: Annotated[int, Field(ge=1, le=100, description="Maximum depth of fields in a GraphQL operation.")] = 15
    max_aliases: Annotated[int, Field(ge=0, description="Maximum number of aliases in a GraphQL document.")] = 100
    max_tokens: Annotated[
        int, Field(ge=10, description="Maximum number of tokens (names, values and punctuation) in a GraphQL document.")
    ] = 5_000
    max_directives: Annotated[int, Field(ge=0, description="Maximum number of directives in a GraphQL document.")] = 100
    max_page_size: Annotated[int, Field(ge=50, le=500, description="Maximum number of items in a page of a list.")] = (
        500
    )
    max_cost: Annotated[
        float,
        Field(
            ge=1,
            description="Maximum cost of a GraphQL operation: its field cost and its type cost together. A weight of 1 "
            "is about the work for one contact of a page.",
        ),
    ] = 100_000
    timeout_seconds: Annotated[
        float, Field(gt=0, le=3600, description="Time limit of a GraphQL query, in seconds.")
    ] = 30
    max_concurrent_operations: Annotated[
        int,
        Field(ge=1, description="Maximum number of queries and mutations that one caller runs at the same time."),
    ] = 100
    max_subscriptions: Annotated[
        int, Field(ge=1, description="Maximum number of subscriptions that one caller has at the same time.")
    ] = 1_000
    rate_limit: Annotated[
        int,
        Field(
            ge=0,
            description="Cost that one caller can spend per minute, through GraphQL and REST together. A page of 50 "
            "contacts costs about 55. 0 is no limit.",
        ),
    ] = 0
    rate_burst: Annotated[
        int | None,
        Field(
            ge=1,
            description="Cost that one caller can spend at once, before CONTACTS_RATE_LIMIT slows them down. If empty, "
            "that of a minute.",
        ),
    ] = None
    max_failed_sign_ins: Annotated[
        int,
        Field(
            ge=0,
            description="Number of requests with an invalid token that one address can send per minute. 0 is no limit.",
        ),
    ] = 1_000
    introspection: Annotated[
        Literal["on", "off"], Field(description="Whether GraphQL clients can read the schema with introspection.")
    ] = "on"
    suggestions: Annotated[
        Literal["on", "off"],
        Field(description="Whether GraphQL errors about unknown names suggest names of the schema."),
    ] = "on"
    graphiql: Annotated[Literal["on", "off"], Field(description="Whether browsers get GraphiQL at /graphql.")] = "on"
    trusted_documents: Annotated[
        Path | None,
        Field(
            description="File with GraphQL documents that clients can name by ID: Relay's persisted_queries.json, or "
            "persisted-documents.json of GraphQL Code Generator's client preset. A folder stands for all its JSON "
            "files."
        ),
    ] = None
    only_trusted_documents: Annotated[
        bool, Field(description="Whether to refuse all other GraphQL documents. Requires CONTACTS_TRUSTED_DOCUMENTS.")
    ] = False
    persisted_queries: Annotated[
        Literal["on", "off"],
        Field(
            description="Whether clients can register a GraphQL document and then name it by its hash (automatic "
            "persisted queries, as defined by Apollo)."
        ),
    ] = "on"
    get_queries: Annotated[
        Literal["on", "off"],
        Field(
            description="Whether a GraphQL query can be sent in the URL of a GET request. If off, GET requests name a "
            "persisted document."
        ),
    ] = "on"
    max_import_bytes: Annotated[int, Field(ge=1024, description="Maximum size of an import file, in bytes.")] = (
        1_073_741_824
    )
    ad_urls: Annotated[
        tuple[str, ...],
        NoDecode,
        Field(
            description="Domain controllers to sync from, separated by spaces, in the order to try them: "
            "ldaps://host[:port], or ldap://host[:port], which is upgraded with StartTLS first. "
            "If empty, there is no sync."
        ),
    ] = ()
    ad_name: Annotated[
        str, Field(description="Display name of the directory in messages. If empty, the server's name.")
    ] = ""
    ad_bind_dn: Annotated[
        str, Field(description="Account to read with, as a DN or user@domain. Read permission is enough.")
    ] = ""
    ad_password: Annotated[SecretStr | None, Field(description="Password of that account.")] = None
    ad_password_file: Annotated[
        Path | None,
        Field(description="File that contains the password. It is read again for each connection, so it can change."),
    ] = None
    ad_ca_file: Annotated[
        Path | None,
        Field(
            description="PEM file of the authorities that sign the servers' certificates. If empty, the system's "
            "authorities."
        ),
    ] = None
    ad_base_dns: Annotated[
        tuple[str, ...],
        NoDecode,
        Field(
            description="Base DNs to search, separated by semicolons, including their subtrees. If empty, the whole "
            "domain."
        ),
    ] = ()
    ad_filter: Annotated[
        str, Field(description="Additional LDAP filter that contacts must match, such as (company=Contoso).")
    ] = ""
    ad_page_size: Annotated[
        int,
        Field(
            ge=1,
            le=1000,
            description="Entries per page of an LDAP search. Smaller pages keep the service more responsive. Searches "
            "for identities only use pages four times as large.",
        ),
    ] = 250
    ad_timeout_seconds: Annotated[
        float, Field(ge=0.1, le=3600, description="Timeout of each LDAP operation, in seconds.")
    ] = 30
    ad_max_deletions: Annotated[
        int,
        Field(
            ge=0,
            description="Stop a run before it changes anything if it would delete more contacts than this. Approve the "
            "deletions with `contacts sync --allow-deletions` or the mutation startDirectorySync.",
        ),
    ] = 500
    ad_max_deletions_percent: Annotated[
        float,
        Field(
            ge=0,
            le=100,
            description="Also stop a run that would delete more than this percentage of the synced contacts. A single "
            "deletion is always allowed.",
        ),
    ] = 10
    ad_soft_match: Annotated[
        bool,
        Field(
            description="Whether to match a contact in Active Directory with the cloud-only contact that has the same "
            "primary email address, which then becomes synced. If false, the contact is skipped and reported."
        ),
    ] = False
    sync_interval_minutes: Annotated[
        int, Field(ge=1, description="Interval between runs of the Active Directory sync, in minutes.")
    ] = 30
    fast_path: Annotated[
        Literal["on", "off"],
        Field(description="on compiles GraphQL queries to run them faster; off runs all of them with graphql-core."),
    ] = "on"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Field(description="Lowest level to log.")] = (
        "info"
    )
    log_format: Annotated[
        Literal["text", "json"], Field(description="text for people, or json (one object per line) for programs.")
    ] = "text"

    def uri(self) -> str:
        """The MongoDB URI. It must be set by now: `cli` starts an embedded server if none is given."""
        if self.mongodb_uri is None:
            raise ValueError(
                "CONTACTS_MONGODB_URI is not set. Set it, or use `contacts serve`, which starts a MongoDB."
            )
        return self.mongodb_uri

    def welcomes(self, origin: str | None, host: str | None, scheme: str) -> bool:
        """Whether a page of this origin may send what browsers send without a preflight request: forms, WebSockets.

        It may if it is one of our own, served from `host`, or if its origin is allowed. Clients other than browsers
        send no origin. `scheme` is that of the request.
        """
        return (
            origin is None
            or _is_own(origin, host, scheme)
            or origin in self.allowed_origins
            or (self.allow_loopback_origins and LOOPBACK_ORIGIN.fullmatch(origin) is not None)
        )

    def shown(self, name: str) -> str:
        """A setting's value with passwords masked."""
        text = re.sub(r"(://[^:/@]*):[^/]*@", r"\1:**********@", str(getattr(self, name)))
        return _SECRET_OPTIONS.sub(r"\1=**********", text)

    def answers_to(self, host: str | None) -> bool:
        """Whether a request with this `Host` is meant for this service.

        Anyone can point a DNS name at this machine. Browsers treat the service under that name as part of the
        attacker's site, whose pages could then do everything because no sign-in is required (DNS rebinding).
        """
        if host is None:  # browsers always send it
            return True
        if len(host) > _LONGEST_HOST:  # keeps long names out of the caches below
            return False
        name = _without_port(host)
        return name in self.allowed_hosts or is_loopback(name)

    @field_validator("trusted_documents")
    @classmethod
    def _check_trusted_documents(cls, path: Path | None) -> Path | None:
        if path is not None:
            trusted.read(path)
        return path

    @model_validator(mode="after")
    def _check_only_trusted(self) -> Self:
        if self.only_trusted_documents and self.trusted_documents is None:
            raise ValueError(
                "CONTACTS_ONLY_TRUSTED_DOCUMENTS is true, but CONTACTS_TRUSTED_DOCUMENTS is not set. Set it to the "
                "file with the documents"
            )
        return self

    @model_validator(mode="before")
    @classmethod
    def _apply_profile(cls, given: dict[str, object]) -> dict[str, object]:
        return {**HARDENED, **given} if given.get("profile") == "hardened" else given

    @field_validator("ad_urls", "allowed_origins", "allowed_hosts", "trusted_proxies", mode="before")
    @classmethod
    def _split_urls(cls, value: object) -> object:
        return tuple(value.split()) if isinstance(value, str) else value

    @field_validator("ad_urls")
    @classmethod
    def _check_urls(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            if not re.fullmatch(r"ldaps?://([^/:\[\]?#@\s]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?/?", url):
                raise ValueError(f"write each server as ldaps://host or ldaps://host:port, not {url!r}")
        return tuple(url.rstrip("/") for url in urls)

    @field_validator("trusted_proxies")
    @classmethod
    def _check_proxies(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in proxies:
            try:
                ipaddress.ip_network(proxy)
            except ValueError as error:
                raise ValueError(f"write each proxy as an address or network such as 10.1.0.0/16: {error}") from error
        return proxies

    @field_validator("proxy_user_header", "proxy_roles_header")
    @classmethod
    def _check_header(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
            raise ValueError(f"write the name of an HTTP header such as X-Forwarded-User, not {name!r}")
        return name

    @field_validator("allowed_origins")
    @classmethod
    def _check_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if not re.fullmatch(r"https?://[^/\s?#@*]+", origin):
                raise ValueError(f"write each origin as https://host or https://host:port, not {origin!r}")
        return tuple(origin.lower() for origin in origins)

    @field_validator("allowed_hosts")
    @classmethod
    def _check_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if not re.fullmatch(r"[^/:\s*@]+", host):
                raise ValueError(f"write each host as a name without scheme and port, not {host!r}")
        return tuple(host.lower() for host in hosts)

    @field_validator("ad_base_dns", mode="before")
    @classmethod
    def _split_base_dns(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        # RFC 4514 writes a ; that belongs to a name as \;
        return tuple(dn.strip() for dn in re.split(r"(?<!\\);", value) if dn.strip())

    @field_validator("ad_filter")
    @classmethod
    def _check_filter(cls, value: str) -> str:
        if value and not _is_one_filter(value):
            raise ValueError(f"write one LDAP filter in its own parentheses, such as (company=Contoso), not {value!r}")
        return value

    @model_validator(mode="after")
    def _check_doors(self) -> Self:
        if (self.tls_certificate_file is None) != (self.tls_key_file is None):
            raise ValueError("set both CONTACTS_TLS_CERTIFICATE_FILE and CONTACTS_TLS_KEY_FILE, or neither")
        if self.auth == "proxy" and not self.trusted_proxies:
            raise ValueError(
                "CONTACTS_AUTH=proxy requires CONTACTS_TRUSTED_PROXIES. Set it to the address of the proxy that signs "
                "users in"
            )
        return self

    @model_validator(mode="after")
    def _check_ad_account(self) -> Self:
        if not self.ad_urls:
            return self
        if not self.ad_bind_dn:
            raise ValueError(
                "CONTACTS_AD_URLS is set, but CONTACTS_AD_BIND_DN is not. Set it to the account to read with"
            )
        if (self.ad_password is None) == (self.ad_password_file is None):
            raise ValueError("set exactly one of CONTACTS_AD_PASSWORD and CONTACTS_AD_PASSWORD_FILE")
        # A bind without a password succeeds anonymously. The directory then looks empty, as if all was deleted.
        if self.ad_password is not None and not self.ad_password.get_secret_value():
            raise ValueError("CONTACTS_AD_PASSWORD is empty. Set it to the account's password")
        return self

    @model_validator(mode="after")
    def _check_oidc(self) -> Self:
        if self.auth != "oidc":
            return self
        if not self.oidc_issuer:
            raise ValueError("CONTACTS_AUTH is oidc, but CONTACTS_OIDC_ISSUER is not set. Set it to the tokens' issuer")
        if not (self.oidc_audience or "").split():
            raise ValueError(
                "CONTACTS_AUTH is oidc, but CONTACTS_OIDC_AUDIENCE is not set. Set it to this service's ID at the "
                "provider. Otherwise tokens for other services would be accepted"
            )
        if re.search(r"[{}]|^https?://[^/]+/(common|organizations|consumers)(/v2\.0)?/?$", self.oidc_issuer):
            raise ValueError(
                "CONTACTS_OIDC_ISSUER is an address for all tenants of Microsoft Entra. Set it to your own tenant's: "
                "https://login.microsoftonline.com/TENANT-ID/v2.0, with the ID that the tenant's overview shows"
            )
        if not is_confidential(self.oidc_issuer) or re.search(r"[?#]", self.oidc_issuer):
            raise ValueError(
                "write CONTACTS_OIDC_ISSUER as an https address without query and fragment. On loopback, http will do"
            )
        return self


def is_confidential(url: str) -> bool:
    """Whether this is an address that nobody can listen to or pretend to be: with https, or on loopback."""
    try:
        parts = urlsplit(url)
        is_clean = re.fullmatch(r"[!-~]+", url) and "@" not in parts.netloc and parts.port != 0
    except ValueError:  # a port or an IPv6 address that is not one
        return False
    if not is_clean or not parts.hostname:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))


def _is_own(origin: str, host: str | None, scheme: str) -> bool:
    """Whether a page with this origin is from the service itself.

    An unencrypted page of the same name is not if the request is encrypted: anyone between the browser and the service
    could have sent that page. The reverse happens behind a proxy that ends TLS.
    """
    of_page, _, place = origin.partition("://")
    return place == host and not (of_page == "http" and scheme in ("https", "wss"))


@lru_cache(maxsize=64)
def _without_port(host: str) -> str:
    """The name or address in a `Host` header, empty if the header is invalid."""
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]*\]|[\w.-]*)(:\d*)?", host, re.ASCII)
    return found[1].strip("[]").lower().removesuffix(".") if found else ""


@lru_cache(maxsize=64)
def is_loopback(host: str) -> bool:
    """Whether this name or address can only be reached from this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_one_filter(text: str) -> bool:
    r"""Whether the parentheses of `text` form a single group. Those in values are escaped as \28 and \29."""
    depth = 0
    for position, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth <= 0 and position < len(text) - 1:
            return False
    return depth == 0 and text.startswith("(")
