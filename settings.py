"""The service's settings: one immutable object, read from `CONTACTS_*` environment variables."""

import ipaddress
import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

# A domain name has 253 characters at most (RFC 1035).
_LONGEST_HOST = 300


class Settings(BaseSettings):
    """Everything an operator can set. Each field `x_y` is read from the variable `CONTACTS_X_Y`."""

    # Inputs hold passwords, so an error about one field must not print them all.
    model_config = SettingsConfigDict(env_prefix="CONTACTS_", frozen=True, extra="forbid", hide_input_in_errors=True)

    host: Annotated[str, Field(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="Port to listen on; 0 takes a free one.")] = 8000
    workers: Annotated[
        int, Field(ge=1, le=256, description="Processes that serve on that port; one for each core is the most useful.")
    ] = 1
    data_dir: Annotated[
        Path, Field(description="Where the embedded MongoDB keeps its data, when no mongodb_uri is given.")
    ] = Path(".contacts")
    mongodb_uri: Annotated[
        str | None,
        Field(description="MongoDB replica set or sharded cluster to use instead of the embedded one."),
    ] = None
    database: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9_-]{1,63}$", description="Name of the database on that server.")
    ] = "contacts"
    driver: Annotated[
        Literal["motor", "pymongo"],
        Field(description="MongoDB client: motor, or pymongo for PyMongo's own asynchronous client."),
    ] = "motor"
    auth: Annotated[
        Literal["none"],
        Field(description="Who may call: none lets everyone in, and therefore only on a loopback address."),
    ] = "none"
    allowed_hosts: Annotated[
        tuple[str, ...],
        NoDecode,
        Field(
            description="Names under which the service may be called besides localhost and loopback addresses, "
            "separated by spaces, such as contacts.example: those that a proxy on this machine forwards."
        ),
    ] = ()
    allowed_origins: Annotated[
        tuple[str, ...],
        NoDecode,
        Field(
            description="Other sites whose pages may call, separated by spaces, such as https://intranet.example: for "
            "frontends that are served from another address. None: only the service's own pages."
        ),
    ] = ()
    default_region: Annotated[
        str,
        Field(
            pattern=r"^([A-Z]{2})?$",
            description="ISO 3166 country whose dialling rules apply to phone numbers of contacts without a "
            "country; empty: only numbers with a + are understood.",
        ),
    ] = ""
    max_body_bytes: Annotated[int, Field(ge=1024, description="Largest request body, imports aside, in bytes.")] = (
        1_048_576
    )
    max_import_bytes: Annotated[int, Field(ge=1024, description="Largest import upload, in bytes.")] = 1_073_741_824
    ad_urls: Annotated[
        tuple[str, ...],
        NoDecode,
        Field(
            description="Domain controllers to sync from, in the order to try them, separated by spaces: "
            "ldaps://host[:port], or ldap://host[:port], which is upgraded by StartTLS before anything is said. "
            "None: no sync."
        ),
    ] = ()
    ad_name: Annotated[
        str, Field(description="What to call that directory in messages to people; empty: the server's name.")
    ] = ""
    ad_bind_dn: Annotated[
        str, Field(description="Account to read with: a DN or user@domain. It needs no right to write.")
    ] = ""
    ad_password: Annotated[SecretStr | None, Field(description="That account's password.")] = None
    ad_password_file: Annotated[
        Path | None,
        Field(description="File with the password instead; read anew for each connection, so it can change."),
    ] = None
    ad_ca_file: Annotated[
        Path | None,
        Field(description="PEM file of the authorities that sign the servers' certificates; none: the system's."),
    ] = None
    ad_base_dns: Annotated[
        tuple[str, ...],
        NoDecode,
        Field(description="Where to look, separated by ; — all that lies below is read. None: the whole domain."),
    ] = ()
    ad_filter: Annotated[
        str, Field(description="LDAP filter that contacts must match besides, such as (company=Contoso).")
    ] = ""
    ad_page_size: Annotated[
        int,
        Field(
            ge=1,
            le=1000,
            description="Entries a page, 1,000 at most; small pages keep the service quick to answer. Where only "
            "identities are read, a page has four times as many.",
        ),
    ] = 250
    ad_timeout_seconds: Annotated[
        float, Field(ge=0.1, le=3600, description="Longest that one step with a server may take, in seconds.")
    ] = 30
    ad_max_deletions: Annotated[
        int,
        Field(ge=0, description="A cycle that would delete more contacts than this changes nothing and asks."),
    ] = 500
    ad_max_deletions_percent: Annotated[
        float,
        Field(
            ge=0,
            le=100,
            description="So does one that would delete more than this share of the synced ones; one alone never does.",
        ),
    ] = 10
    ad_soft_match: Annotated[
        bool,
        Field(
            description="Whether a contact in Active Directory takes over the cloud contact that has its address; "
            "if not, it is skipped and reported."
        ),
    ] = False
    sync_interval_minutes: Annotated[
        int, Field(ge=1, description="Minutes between two cycles of the Active Directory sync.")
    ] = 30
    fast_path: Annotated[
        Literal["on", "off"],
        Field(description="on compiles queries to answer them faster; off leaves all of them to graphql-core."),
    ] = "on"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="Least severe level that is logged.")
    ] = "info"
    log_format: Annotated[
        Literal["text", "json"], Field(description="text for people, json (one object a line) for machines.")
    ] = "text"

    def uri(self) -> str:
        """The MongoDB URI, which must be set by now: `cli` starts an embedded server if none is given."""
        if self.mongodb_uri is None:
            raise ValueError("no mongodb_uri: `contacts serve` starts a server of its own")
        return self.mongodb_uri

    def welcomes(self, origin: str | None, host: str | None) -> bool:
        """Whether a page of this origin may do what browsers let every page do unasked: send forms, open WebSockets.

        It may if it is our own, served from `host`, or an allowed one. Clients that are no browsers name no origin.
        """
        return origin is None or origin.partition("://")[2] == host or origin in self.allowed_origins

    def shown(self, name: str) -> str:
        """A setting's value to show to people, without the passwords in it."""
        return re.sub(r"(://[^:/@]*):[^/]*@", r"\1:**********@", str(getattr(self, name)))

    def answers_to(self, host: str | None) -> bool:
        """Whether a request with this `Host` is meant for this service.

        Anyone can give a name an address of this machine. A browser takes the pages found under that name for the
        service's own, so that without authentication they could do everything (DNS rebinding).
        """
        if host is None:  # no browser leaves it out
            return True
        if len(host) > _LONGEST_HOST:  # or else it would be remembered
            return False
        name = _without_port(host)
        return name in self.allowed_hosts or is_loopback(name)

    @field_validator("ad_urls", "allowed_origins", "allowed_hosts", mode="before")
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
    def _check_ad_account(self) -> Self:
        if not self.ad_urls:
            return self
        if not self.ad_bind_dn:
            raise ValueError("CONTACTS_AD_URLS needs CONTACTS_AD_BIND_DN, the account to read with")
        if (self.ad_password is None) == (self.ad_password_file is None):
            raise ValueError("set either CONTACTS_AD_PASSWORD or CONTACTS_AD_PASSWORD_FILE")
        # A bind without a password succeeds, as nobody: everything then looks empty, that is, deleted.
        if self.ad_password is not None and not self.ad_password.get_secret_value():
            raise ValueError("CONTACTS_AD_PASSWORD is empty")
        return self


@lru_cache(maxsize=64)
def _without_port(host: str) -> str:
    """The name or address in a `Host` header, empty if it is none."""
    found = re.fullmatch(r"(\[[^\[\]]*\]|[^:\[\]]*)(:\d*)?", host)
    return found[1].strip("[]").lower().removesuffix(".") if found else ""


@lru_cache(maxsize=64)
def is_loopback(host: str) -> bool:
    """Whether this name or address is one of this machine that no other machine can reach."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_one_filter(text: str) -> bool:
    r"""Whether the parentheses of `text` make one group; those within values are written \28 and \29."""
    depth = 0
    for position, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth <= 0 and position < len(text) - 1:
            return False
    return depth == 0 and text.startswith("(")
