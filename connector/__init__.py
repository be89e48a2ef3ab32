"""Reads contacts and distribution groups from an on-premises Active Directory, over LDAP, never writing to it."""
