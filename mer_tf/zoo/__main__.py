"""``python -m mer_tf.zoo counts | docs``: what developers make again after a change of the zoo (``make counts``)."""

from __future__ import annotations

import argparse
import os
import sys


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m mer_tf.zoo", description="Files made from the systems' code.")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("counts", help="count the weights and operations of every system anew; imports TensorFlow")
    docs = actions.add_parser("docs", help="write a page per system and an index, and beside them the papers' tables")
    docs.add_argument("folder", nargs="?", default="docs/models", help="where to (default: %(default)s)")
    arguments = parser.parse_args(argv)
    if arguments.action == "counts":
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        from mer_tf.zoo.recount import write_counts

        print("\n".join(write_counts()))
    else:
        from mer_tf.zoo.pages import write_pages
        from mer_tf.zoo.tables import write_tables

        print(f"{len(write_pages(arguments.folder))} pages in {arguments.folder}")
        print(write_tables(os.path.dirname(os.path.abspath(arguments.folder))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
