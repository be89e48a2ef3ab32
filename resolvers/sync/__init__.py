"""The sync with on-premises Active Directory: reads objects there and writes contacts and groups here."""
