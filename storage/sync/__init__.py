"""What the sync with Active Directory keeps: its lease, its runs, how far it is, and what it has synced."""
