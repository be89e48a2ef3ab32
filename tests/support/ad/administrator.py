"""An administrator of the test domain: all changes that people make in Active Directory, over LDAPS."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import ldap
import ldap.modlist
from ldap.controls import RequestControl

from tests.support.ad.provision import ADMIN_DN, ADMIN_PASSWORD, CONTACTS_DN

SHOW_DELETED = "1.2.840.113556.1.4.417"
UNIVERSAL_DISTRIBUTION, UNIVERSAL_SECURITY = "8", "-2147483640"

Value = str | Sequence[str]


class Administrator:
    """A signed-in connection to a running domain controller. Values are text; None removes an attribute."""

    def __init__(self, url: str, ca_file: Path) -> None:
        # Any: python-ldap has no type information.
        self._ldap: Any = ldap.initialize(url)
        self._ldap.set_option(ldap.OPT_REFERRALS, 0)
        self._ldap.set_option(ldap.OPT_X_TLS_CACERTFILE, str(ca_file))
        self._ldap.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
        self._ldap.simple_bind_s(ADMIN_DN, ADMIN_PASSWORD)

    def close(self) -> None:
        self._ldap.unbind_s()

    def add(self, dn: str, **attributes: Value) -> str:
        """Add an object, and return its objectGUID as text."""
        values = {name: encoded(value) for name, value in attributes.items()}
        self._ldap.add_s(dn, ldap.modlist.addModlist(values))
        return self.guid(dn)

    def add_contact(self, name: str, parent: str = CONTACTS_DN, **attributes: Value) -> str:
        """Add a contact with an address derived from `name`, unless `attributes` contains mail."""
        attributes.setdefault("mail", f"{name.lower().replace(' ', '.')}@example.test")
        return self.add(f"CN={name},{parent}", objectClass="contact", **attributes)

    def add_group(self, name: str, members: Sequence[str] = (), *, kind: str = UNIVERSAL_DISTRIBUTION) -> str:
        """Add a group with an address derived from `name`, and the objects with these DNs as members."""
        attributes: dict[str, Value] = {"groupType": kind, "mail": f"{name.lower()}@example.test"}
        if members:
            attributes["member"] = members
        return self.add(f"CN={name},{CONTACTS_DN}", objectClass="group", sAMAccountName=name, **attributes)

    def add_unit(self, name: str, parent: str) -> str:
        """Add an organizational unit, and return its DN."""
        dn = f"OU={name},{parent}"
        self.add(dn, objectClass="organizationalUnit")
        return dn

    def set(self, dn: str, **attributes: Value | None) -> None:
        """Replace these attributes of an object."""
        changes = [
            (ldap.MOD_REPLACE, name, None if value is None else encoded(value)) for name, value in attributes.items()
        ]
        self._ldap.modify_s(dn, changes)

    def add_members(self, group: str, *members: str) -> None:
        self._ldap.modify_s(group, [(ldap.MOD_ADD, "member", encoded(members))])

    def remove_members(self, group: str, *members: str) -> None:
        self._ldap.modify_s(group, [(ldap.MOD_DELETE, "member", encoded(members))])

    def rename(self, dn: str, rdn: str, parent: str | None = None) -> None:
        """Rename an object and, with `parent`, move it."""
        self._ldap.rename_s(dn, rdn, parent)

    def delete(self, dn: str) -> None:
        self._ldap.delete_s(dn)

    def undelete(self, guid: str, dn: str) -> None:
        """Restore a deleted object as `dn`. Without a recycle bin, it has lost most attributes."""
        changes = [(ldap.MOD_DELETE, "isDeleted", None), (ldap.MOD_REPLACE, "distinguishedName", encoded(dn))]
        controls = [RequestControl(SHOW_DELETED, True)]
        found = self._ldap.search_ext_s(f"<GUID={guid}>", ldap.SCOPE_BASE, serverctrls=controls)
        self._ldap.modify_ext_s(found[0][0], changes, serverctrls=controls)

    def guid(self, dn: str) -> str:
        return str(UUID(bytes_le=self.read(dn, "objectGUID")["objectGUID"][0]))

    def read(self, dn: str, *attributes: str) -> Mapping[str, list[bytes]]:
        rows: list[tuple[str, dict[str, list[bytes]]]] = self._ldap.search_s(
            dn, ldap.SCOPE_BASE, attrlist=list(attributes) or None
        )
        return rows[0][1]


def encoded(value: Value) -> list[bytes]:
    return [text.encode() for text in ([value] if isinstance(value, str) else value)]
