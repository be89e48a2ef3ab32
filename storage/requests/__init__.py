"""What is kept of requests, by caller."""
