"""Own video: which faces a recording shows, what it is good enough for, and where they move without annotations."""
