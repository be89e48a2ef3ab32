"""The sync with on-premises Active Directory: what is read there becomes changes of contacts and groups here."""
