"""What the sync with Active Directory stores: its schedule, runs and mark, and the objects it has synced."""
