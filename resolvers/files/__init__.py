"""Contact files: which columns and cells they have, how they are read and written."""
