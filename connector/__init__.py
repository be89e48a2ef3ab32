"""Reads contacts and distribution groups from an on-premises Active Directory over LDAP, and never writes to it."""
