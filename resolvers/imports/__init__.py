"""Imports: jobs that read a file, decide what to do with each row and write the result. They can be undone."""
