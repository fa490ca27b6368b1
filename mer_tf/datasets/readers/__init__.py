"""One module per distributor: the cards of its sets (``CARDS``) and a reader ``read_NAME`` for each.

A module here is found by its place: nothing else lists it. Importing one is quick, since readers open no picture.
"""
