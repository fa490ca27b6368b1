"""``mer watch``, and the model that names the class of what it finds."""

from __future__ import annotations

import dataclasses
import json
import os

from mer_tf import served
from mer_tf.errors import ClipError, ConfigError, ServerError
from mer_tf.watch import views, words
from mer_tf.watch.clips import EventClip, Recognition
from mer_tf.watch.settings import DETECTORS, REQUIREMENTS, WatchConfig
from mer_tf.watch.types import NOT_ANALYSED, NOT_COUNTED, REFUSED, Event, Result

_CROP_EYES = 2.2  # eye distances across the crop of a face; recipes have 1.8 to 2.8
_MOST_ENLARGED = 2.0
_MOST_FRAMES_MADE = 2.0  # interpolated frames for each that there is
_MOST_SLOWER = 4.0  # times the rate of the training clips
# Flags of an answer that say something of the model, not of the event.
_OF_MODEL = (served.NO_GATE, served.UNKNOWN_VERSIONS, served.UNKNOWN_TRAINING)


def add(verbs) -> None:
    parser = verbs.add_parser(
        "watch",
        help="find micro-expressions in a recording that nobody annotated, or say why they cannot be found",
        epilog="Not for grading, discipline, attendance, hiring, lie detection, border or police use, diagnosis, "
        "children, or covert recording. Inferring emotions in schools and at work is prohibited in the European Union "
        "(Regulation 2024/1689, Article 5(1)(f)).",
    )
    parser.add_argument("source", metavar="SOURCE", help="video file, folder of frames (with --fps), or camera number")
    parser.add_argument("--out", metavar="DIR", help="folder for tables, summary and report; needed but with --live")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--model", metavar="DIR", help="model folder that names the class of each event, in this process"
    )
    where.add_argument("--server", metavar="HOST:PORT", help="prediction server that does so")
    parser.add_argument("--name", default="mer", help="with --server: model name (default: %(default)s)")
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds for a call (default: %(default)s)")
    parser.add_argument(
        "--allow-versions", action="store_true", help="go on with another OpenCV, dlib or landmark model than training"
    )
    parser.add_argument("--fps", type=float, help="of a folder: frames per second")
    parser.add_argument("--from", dest="start", type=float, default=0.0, metavar="S", help="second to begin at")
    parser.add_argument("--to", dest="stop", type=float, metavar="S", help="second to end at")
    parser.add_argument(
        "--require", choices=REQUIREMENTS, help="exit status 1 where no face is good enough for these expressions"
    )
    parser.add_argument(
        "--detector",
        choices=DETECTORS,
        default="auto",
        help="of faces: dlib with 68 points, haar with the eyes alone (default: the first that is installed)",
    )
    parser.add_argument("--landmark-model", help="path of shape_predictor_68_face_landmarks.dat")
    parser.add_argument(
        "--max-faces", type=int, default=WatchConfig.max_faces, help="analysed at a time (default: %(default)s)"
    )
    views.add_flags(parser)
    parser.add_argument("--force", action="store_true", help="replace what another run left in the folder")
    parser.add_argument("--log", help="log file for what libraries print (default: a file in the temporary folder)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    from mer_tf import output
    from mer_tf.console import default_log, quiet
    from mer_tf.watch.source import open_source

    views.check(arguments)
    if arguments.out is not None:
        output.check_folder(arguments.out)
        arguments.resumes = f"{arguments.out} holds what was found so far"
    config = WatchConfig(detector=arguments.detector, max_faces=arguments.max_faces)
    with quiet(arguments.log or default_log("watch")) as console:
        # Cheap checks before a model is loaded.
        options = {"fps": arguments.fps, "start_s": arguments.start, "stop_s": arguments.stop}
        with open_source(arguments.source, **options) as recording:
            camera = recording.facts.kind == "camera"
        recogniser = None
        if arguments.model is not None or arguments.server is not None:
            recogniser = ModelRecogniser(
                arguments.server or _model_folder(arguments.model),
                config,
                model_name=arguments.name,
                landmark_model=arguments.landmark_model,
                timeout=arguments.timeout,
                allow_versions=arguments.allow_versions,
                live=camera or arguments.live,
            )
        from mer_tf.watch.engine import watch

        with views.views(arguments, console, config) as shown:
            bar = console.progress("seconds")
            try:
                result = watch(
                    arguments.source,
                    arguments.out,
                    config=config,
                    landmark_model=arguments.landmark_model,
                    recogniser=recogniser,
                    observers=shown.observers,
                    progress=bar,
                    live=arguments.live,
                    force=arguments.force,
                    **options,
                )
            except KeyboardInterrupt:
                bar.close()
                shown.finish(stopped=True)
                raise
            finally:
                bar.close()
                if recogniser is not None:
                    recogniser.close()
            if arguments.json:
                console.result(json.dumps(as_json(result), indent=1, allow_nan=False))
            else:
                for line in lines(result, arguments.out):
                    console.result(line)
            shown.finish()
        return _required(result, arguments.require, console)


def _model_folder(path: str) -> str:
    from mer_tf.errors import MissingFileError

    if not os.path.isdir(path):
        raise MissingFileError(f"there is no model folder {path}; make one with 'mer train'")
    return path


def _required(result: Result, require: str | None, console) -> int:
    """1, with a line that says what is lacking, where no face was good enough for what is required."""
    if require is None:
        return 0
    answers = [getattr(track, require) for track in result.tracks]
    if any(answer not in (REFUSED, NOT_ANALYSED) for answer in answers):
        return 0
    least = (
        WatchConfig().tier_eyes[1 if require == "micro" else 2],
        WatchConfig().tier_fps[1 if require == "micro" else 2],
    )
    largest = max((track.eye_distance for track in result.tracks), default=None)
    face = "no face was found" if largest is None else f"the largest face has {largest:.0f} px between the eyes"
    why = sorted({getattr(track, f"{require}_why") for track in result.tracks} - {""})
    console.note(
        f"mer: this recording cannot show {require}-expressions: {result.source.effective_fps or 0:.1f} real frames a "
        f"second and {face}; {least[1]:.0f} and {least[0]:.0f} are needed" + (f" ({'; '.join(why)})" if why else "")
    )
    return 1


# ----------------------------------------------------------------------------------------------- for a person


def lines(result: Result, out: str | None) -> list[str]:
    """What the command prints."""
    from mer_tf.console import fill, table

    source = result.source
    rate = "" if source.fps is None else f", {source.fps:.1f} frames a second"
    faces = len(result.tracks)
    told = [f"{source.name}: {source.width}x{source.height}{rate}, {source.seconds:.1f} s, {_count(faces, 'face')}"]
    if result.stopped:
        told.append(fill(f"not whole: {result.stopped}"))
    if result.tracks:
        rows = [
            (
                track.number,
                round(track.seen_s, 1),
                round(track.eye_distance),
                words.answer(track, "micro"),
                words.answer(track, "macro"),
            )
            for track in result.tracks
        ]
        told += ["", table(("face", "seen s", "eyes px", "micro-expressions", "macro-expressions"), rows)]
    counted = [event for event in result.events if event.counts]
    if counted:
        rows = [
            (
                event.id,
                event.kind,
                f"{event.onset_s:.2f}",
                f"{event.apex_s:.2f}",
                f"{event.offset_s:.2f}",
                "+".join(event.regions),
                f"{event.confidence:.2f}",
                _class(event),
            )
            for event in counted
        ]
        header = ("event", "kind", "onset s", "apex s", "offset s", "regions", "confidence", "class")
        told += ["", table(header, rows)]
    others = {kind: sum(event.kind == kind for event in result.events) for kind in NOT_COUNTED}
    if any(others.values()):
        told += ["", "not counted: " + ", ".join(f"{kind} {count}" for kind, count in others.items() if count)]
    told += [fill(remark) for remark in (*result.remarks, *result.model.get("remarks", ()))]
    if out is not None:
        told += [f"written to {out}: events.csv, tracks.csv, curves.csv, summary.json"]
    return told


def _class(event: Event) -> str:
    if event.status == "ok":
        return f"{event.label} {dict(event.probabilities)[event.label]:.2f}"
    return {"not_asked": "", "no_motion": "no motion"}.get(event.status, event.status)


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}" if number else f"no {name}"


def as_json(result: Result) -> dict:
    """The result, JSON-able; events with their fields."""
    return {
        "source": dataclasses.asdict(result.source),
        "complete": result.complete,
        "stopped": result.stopped,
        "faces": [dataclasses.asdict(track) for track in result.tracks],
        "events": [
            {**dataclasses.asdict(event), "probabilities": dict(event.probabilities)} for event in result.events
        ],
        "remarks": list(result.remarks),
        "model": dict(result.model),
        "cost": dict(result.cost),
    }


# ------------------------------------------------------------------------------------------------ recognition


class ModelRecogniser:
    """Asks a model, by the very recipe that it declares, for the class of an event.

    Args:
        address: ``HOST:PORT`` of a server, or a model folder.
        config: Bounds below which a class is withheld.
        model_name: Name the model is served by.
        landmark_model: Path of dlib's 68-point model.
        timeout: Seconds for a call.
        allow_versions: As ``mer predict``.
        live: Whether frames come from a camera: recipes that take seconds an event are refused.

    Raises:
        ServerError, ConfigError: As ``mer_tf.serving.clips.predict_clip``; also where the recipe cannot be had of a
            recording.
    """

    def __init__(
        self,
        address: str,
        config: WatchConfig,
        *,
        model_name: str = "mer",
        landmark_model=None,
        timeout: float = 30.0,
        allow_versions: bool = False,
        live: bool = False,
    ):
        from mer_tf.preprocessing import ClipPreprocessor
        from mer_tf.preprocessing.deciding import networks
        from mer_tf.serving.clips import check_versions, client_for

        self._config = config
        self._client = client_for(address, model_name, timeout)
        self._description = description = self._client.describe()
        recipe = description.recipe
        if recipe.face.detector == "file":
            raise ConfigError(
                f"recipe {recipe.name!r} of the model reads landmarks from files, which a recording does not have; "
                "use a model whose recipe finds the face itself"
            )
        if live and (networks(recipe) or recipe.frames.is_sequence):
            raise ConfigError(
                f"recipe {recipe.name!r} of the model prepares whole sequences, which takes seconds an event: too long "
                "for a camera; use a model of an onset-apex recipe, or record to a file and watch that"
            )
        self._preprocessor = ClipPreprocessor(recipe, landmark_model=landmark_model)
        self._here = self._preprocessor.versions()
        differences = check_versions(description, self._here, allow_versions)
        self._preprocessor.open()
        self.facts = {
            "name": description.model,
            "version": description.version,
            "classes": list(description.classes),
            "recipe": recipe.name,
            "recipe_hash": recipe.hash,
            "gate": dict(description.gate),
            "trained_on": dict(description.trained_on),
            "remarks": differences,
        }

    def close(self) -> None:
        """Lets go of the model and the detector."""
        self._preprocessor.close()
        self._client.close()

    def classify(self, event: Event, clip: EventClip | None) -> Recognition:
        """See ``mer_tf.watch.clips.Recogniser``."""
        why = self._unfit(event, clip)
        if why:
            return self._recognition("refused", remarks=(why,))
        assert clip is not None
        try:
            answer, flags = self._ask(event, clip)
        except (ClipError, ConfigError) as error:
            return self._recognition("refused", remarks=(f"the recipe could not be made: {error}",))
        except ServerError as error:
            return self._recognition("refused", remarks=(f"the model did not answer: {error}",))
        found = {
            "probabilities": tuple(answer["probabilities"].items()),
            "motion": answer.get("motion"),
        }
        if answer.get("no_motion"):
            return self._recognition("no_motion", remarks=flags, **found)
        likeliest = max(answer["probabilities"].values())
        withheld = ""
        if event.tier == "C":
            withheld = "the class is withheld: the face is too small, or the frames too few, for one"
        elif event.confidence < self._config.min_confidence:
            withheld = f"the class is withheld: the motion is hardly above the threshold ({event.confidence:.2f})"
        elif likeliest < self._config.min_probability:
            withheld = f"the class is withheld: the likeliest one has a probability of {likeliest:.2f}"
        if withheld:
            return self._recognition("abstained", remarks=(withheld, *flags), **found)
        return self._recognition("ok", label=answer["class"], remarks=flags, **found)

    def _recognition(self, status: str, **fields) -> Recognition:
        return Recognition(status=status, model=self.facts["name"], **fields)

    def _unfit(self, event: Event, clip: EventClip | None) -> str:
        """Why the recipe cannot be had of an event; ``""`` where it can."""
        recipe = self._description.recipe
        if clip is None:
            return "the frames of the event are not at hand any more"
        if recipe.frames.is_sequence:
            end = clip.apex if recipe.frames.span == "onset_to_apex" else len(clip.frames) - 1
            if recipe.frames.count > _MOST_FRAMES_MADE * (end + 1):
                return (
                    f"recipe {recipe.name!r} takes {recipe.frames.count} frames and the event has {end + 1} at "
                    f"{clip.fps:.0f} a second"
                )
        if recipe.crop_size > _MOST_ENLARGED * _CROP_EYES * clip.eye_distance:
            return (
                f"recipe {recipe.name!r} takes a face of {recipe.crop_size} px and this one has about "
                f"{_CROP_EYES * clip.eye_distance:.0f}"
            )
        trained = self._trained_fps()
        if recipe.frames.is_sequence and trained > _MOST_SLOWER * clip.fps:
            return f"the model was trained at some {trained:.0f} frames a second, and this recording has {clip.fps:.0f}"
        return ""

    def _trained_fps(self) -> float:
        """Frames a second of the longest training clip; 0 where the model does not tell."""
        longest = self._description.trained_on.get("longest") or {}
        return longest["frames"] / longest["seconds"] if longest.get("frames") and longest.get("seconds") else 0.0

    def _ask(self, event: Event, clip: EventClip) -> tuple[dict, tuple[str, ...]]:
        from mer_tf.preprocessing import select_frames
        from mer_tf.recipes import same_recipe
        from mer_tf.serving.clips import answer_flags
        from mer_tf.types import Clip

        description = self._description
        annotated = Clip(
            dataset="watch",
            subject=event.track,
            clip=event.id,
            onset=0,
            apex=clip.apex,
            offset=len(clip.frames) - 1,
            fps=clip.fps,
            emotion="",
            aus="",
            label=None,
            mapping="",
            frames=(),
            frame_numbers=tuple(range(len(clip.frames))),
        )
        selection = select_frames(annotated, description.recipe.frames)
        made = self._preprocessor.process_images(
            *(clip.frames[number] for number in selection.numbers),
            clip=event.id,
            numbers=selection.numbers,
            apex=selection.apex,
            fps=clip.fps,
        )
        answer = self._client.predict(made.tensors)
        if not same_recipe(answer["recipe_hash"], description.recipe.hash):
            raise ServerError("the server's model was replaced by one of another recipe meanwhile")
        flags = answer_flags(description, annotated, clip.fps, selection.rule, self._here, "")
        trained = self._trained_fps()
        if trained > _MOST_SLOWER * clip.fps:
            flags.append(
                f"low_rate: the model was trained at some {trained:.0f} frames a second, and this recording has "
                f"{clip.fps:.0f}: onset and apex may be up to {1000 / clip.fps:.0f} ms off"
            )
        for flag in flags:
            if flag.partition(":")[0] in _OF_MODEL and flag not in self.facts["remarks"]:
                self.facts["remarks"].append(flag)
        return answer, tuple(flag for flag in flags if flag.partition(":")[0] not in _OF_MODEL)
