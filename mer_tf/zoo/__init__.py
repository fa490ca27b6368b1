"""The zoo: pages, tables and drawings of the systems (``mer models``), and for developers counting and writing them."""
