"""Imports: jobs that read a file, decide what becomes of each row, write it, and can be undone."""
