"""``mer data truth``: the annotated intervals of a set of long videos, as ``mer spot-score`` reads them."""

from __future__ import annotations

import json

from mer_tf import output
from mer_tf.console import fill, say, table


def add(actions) -> None:
    from mer_tf.datasets.long_videos import LONG_SETS

    named = "; ".join(f"{card.name} ({card.title})" for card in LONG_SETS.values())
    parser = actions.add_parser(
        "truth",
        help="annotated intervals of a set of long videos, as 'mer spot-score' reads them",
        description=f"Sets: {named}.",
    )
    parser.add_argument("root", help="folder with the sheet and the frames, as the distributor ships it")
    parser.add_argument("--dataset", required=True, metavar="NAME", help=", ".join(LONG_SETS))
    parser.add_argument("--out", required=True, metavar="CSV", help="file to write")
    parser.add_argument(
        "--mapping", help="give classes of this mapping, such as megc2019, instead of the emotions of the sheet"
    )
    parser.add_argument(
        "--zero-based",
        action="store_true",
        help="count frames from 0, as 'mer watch' does in a video file (default: the numbers of the frame files)",
    )
    parser.add_argument("--strict", action="store_true", help="stop at the first row that is wrong")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    from mer_tf.datasets.long_videos import get_long_set, read_long_videos
    from mer_tf.datasets.mappings import get_mapping
    from mer_tf.errors import ConfigError
    from mer_tf.metrics.spot_files import write_intervals

    card = get_long_set(arguments.dataset)
    output.check_file(arguments.out)
    rules = None
    if arguments.mapping:
        if not card.rules_of:
            raise ConfigError(f"{card.title} has no emotions that a mapping knows; leave out --mapping")
        rules = get_mapping(arguments.mapping, card.rules_of).rule(card.rules_of)
    found = read_long_videos(card.name, arguments.root, strict=arguments.strict)
    write_intervals(arguments.out, found.rows(rules=rules, zero_based=arguments.zero_based))
    full = {(event.subject, event.video) for event in found.events}
    facts = {
        "dataset": card.name,
        "subjects": len({video.subject for video in found.videos}),
        "videos": len(found.videos),
        "videos_without_events": sum((video.subject, video.video) not in full for video in found.videos),
        "micro": found.count("micro"),
        "macro": found.count("macro"),
        "published": {name: getattr(card, name) for name in ("subjects", "videos", "micro", "macro")},
        "counts_from": card.counts_from,
        "known_from": card.known_from,
        "remarks": list(found.remarks),
        "out": arguments.out,
    }
    if arguments.json:
        say(json.dumps(facts, indent=1))
        return 0
    rows = [(name, facts[name], facts["published"][name]) for name in facts["published"]]
    say(f"{card.title}: {facts['videos_without_events']} of {facts['videos']} videos hold no event")
    say(table(("", "found", "published"), rows))
    for remark in found.remarks:
        say(fill(f"note: {remark}"))
    say(fill(f"folders and columns are known from {card.known_from}"))
    say(f"written to {arguments.out}")
    return 0
