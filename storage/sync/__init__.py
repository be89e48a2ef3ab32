"""What the sync with Active Directory keeps: its schedule, its runs, how far it is, and what it has synced."""
