"""What every part of the process shares: logs, the tuning of Python, and fairness between requests and long work."""
