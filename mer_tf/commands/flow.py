"""``mer flow``: weights of LiteFlowNet, converted from the published file or trained on generated pairs."""

from __future__ import annotations

import json
import os
import statistics

from mer_tf import output
from mer_tf.commands.fields import add_fields, read_fields
from mer_tf.commands.options import add_force
from mer_tf.console import say


def add(verbs) -> None:
    from mer_tf.preprocessing.flow.liteflownet_settings import FlowTrainConfig

    parser = verbs.add_parser("flow", help="weights for optical flow by LiteFlowNet: convert or train")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    action = actions.add_parser("convert", help="the published PyTorch weights as a file of this package")
    action.add_argument("source", metavar="IN", help="network-default.pytorch, or its arrays by name as .npz")
    action.add_argument("out", metavar="OUT", help="file to write")
    action.add_argument("--json", action="store_true", help="print JSON")
    action.set_defaults(run=run_convert)

    action = actions.add_parser("train", help="train on generated pairs of frames with known flow")
    action.add_argument("--out", required=True, help="file for the weights")
    action.add_argument("--initial", metavar="FILE", help="weights to go on from (default: begin anew)")
    add_fields(action, FlowTrainConfig)
    add_force(action)
    action.add_argument("--json", action="store_true", help="print JSON")
    action.set_defaults(run=run_train)


def run_convert(arguments) -> int:
    from mer_tf.preprocessing.flow.liteflownet_weights import convert

    output.check_file(arguments.out, "OUT")
    count = convert(arguments.source, arguments.out)
    if arguments.json:
        say(json.dumps({"out": arguments.out, "weights": count}))
    else:
        say(f"{arguments.out}: {count:,} weights")
    return 0


def run_train(arguments) -> int:
    from mer_tf.console import Console
    from mer_tf.preprocessing.flow.liteflownet_settings import FlowTrainConfig
    from mer_tf.preprocessing.flow.liteflownet_train import train

    config = read_fields(arguments, FlowTrainConfig)
    output.check_file(arguments.out)
    if os.path.isfile(arguments.out) and not output.same_place(arguments.initial, arguments.out):
        output.check_settings(arguments.out, None, {}, force=arguments.force)  # the file does not say what made it
    progress = Console().progress("training steps")
    with output.locked_file(arguments.out):
        result = train(arguments.out, config, initial=arguments.initial, progress=progress)
    tenth = max(1, len(result["losses"]) // 10)
    first, last = (statistics.fmean(part) for part in (result["losses"][:tenth], result["losses"][-tenth:]))
    validation = result["validation"]
    if arguments.json:
        summary = {"out": arguments.out, "first_loss": first, "last_loss": last, **validation}
        say(json.dumps({**summary, "seconds": result["seconds"]}))
        return 0
    say(
        f"{arguments.out}: {config.steps} steps in {result['seconds']:.0f} s; loss {first:.3f} px at first, "
        f"{last:.3f} px at last"
    )
    say(
        f"endpoint error on new pairs {validation['endpoint_error']:.3f} px "
        f"({validation['endpoint_error_of_zeros']:.3f} px for a field of zeros)"
    )
    return 0
