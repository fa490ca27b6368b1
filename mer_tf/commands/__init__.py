"""The verbs of ``mer`` that need the library alone; each module adds one verb to the parser."""
