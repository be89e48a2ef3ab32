"""Contact files: their columns and cells, and how they are read and written."""
