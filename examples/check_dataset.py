"""Reads a dataset folder and checks it: classes, subjects, everything that was dropped or mended.

python examples/check_dataset.py ROOT [DATASET]
"""

import collections
import sys

from mer_tf.datasets import check_counts, get_reader
from mer_tf.datasets.origin import is_synthetic_table
from mer_tf.errors import CountsDifferError


def main(root: str, dataset: str = "casme2") -> None:
    table = get_reader(dataset)(root, mapping="megc2019")
    counts = collections.Counter(table.classes[clip.label] for clip in table.clips)
    print(f"{len(table.clips)} clips of {len(table.subjects)} subjects: {dict(counts)}")
    for problem in table.problems:
        print(f"{problem.severity}: {problem.clip} {problem.message}")
    if is_synthetic_table(table):
        print("drawn clips: there are no published counts to compare them with")
        return
    try:
        check_counts(table)
        print("the counts are the published ones")
    except CountsDifferError as error:
        print(error)


if __name__ == "__main__":
    main(*sys.argv[1:])
