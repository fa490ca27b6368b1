"""Contact sheets: what the machine sees of a clip, as one picture (``mer show``)."""
