"""Commands and their options, on which users' scripts depend: additions are deliberate, and nothing is removed."""

from typing import Any

import typer

from multibox.cli import app

COMMANDS = {
    "": "--help --version",
    "analyze": (
        "WEIGHTS --batch --classes --data --detections --device --engine --groups --help --holdout --json --map"
        " --max-pixels --metric --name --out --precision --split --stretch-16-bit -d -o"
    ),
    "batch": (
        "SOURCE --batch --device --engine --help --json --max-pixels --min-score --out --precision --resume --runner"
        " --shard --stretch-16-bit --weights --workers -o -w"
    ),
    "bench": "--help",
    "bench augment": "--augmentation --data --help --json --seconds --split -d",
    "bench detect": "--batches --engine --help --images --json --rounds --threads --weights -w",
    "bench table7": (
        "--batches --candidates --device --help --images --json --precision --rounds --threads --weights -w"
    ),
    "bench train": (
        "RECIPE --batch --data --device --help --json --precision --set --split --steps --threads --workers -d"
    ),
    "data": "--help",
    "data check": (
        "PATH --help --holdout --json --max-pixels --model --outside --pixel-rule --report --split --stretch-16-bit"
    ),
    "data convert": (
        "PATH --files --help --json --max-pixels --out --outside --pixel-rule --split --stretch-16-bit --to -o"
    ),
    "data split": "PATH --force --help --json --names --out --outside --share --split -o",
    "data show": (
        "PATH --augmentation --count --help --json --max-pixels --out --outside --pixel-rule --seed --split"
        " --stretch-16-bit -o"
    ),
    "demo": "--help --json --out -o",
    "detect": (
        "SOURCES --anchor --batch --classes --crops --device --engine --every --format --from --hardware --help --json"
        " --line --map --max-pixels --min-score --out --overlap --precision --rate --save-video --show --stretch-16-bit"
        " --tiles --time --timeout --to --track --weights --zone -f -o -w"
    ),
    "evaluate": (
        "WEIGHTS --batch --classes --data --detections --device --engine --help --holdout --iou --json --map"
        " --max-pixels --metric --overlap --precision --split --stretch-16-bit --tiles -d"
    ),
    "explain": (
        "IMAGE --data --device --engine --help --json --max-pixels --min-score --out --precision --split"
        " --stretch-16-bit --weights -d -o -w"
    ),
    "export": (
        "WEIGHTS --batch --calibrate --calibrate-images --calibrate-split --check --check-split --classes --description"
        " --end --force --format --help --json --map --metric --out --precision --priors --runtime -f -o"
    ),
    "priors": "--help",
    "priors cover": "DATA --help --json --model --out --priors --recipe --sizes --split --weights -o -w",
    "priors fit": (
        "DATA --augmentation --boxes --held-out --help --json --model --out --priors --recipe --sizes --split --weights"
        " -o -w"
    ),
    "priors show": "--cells --help --image --json --model --out --priors --recipe --sizes --weights -o -w",
    "reproduce": (
        "NAME --data --device --help --json --measure --out --peers --plan --rows --scale --set --test-split"
        " --train-split --weights --workers -d -o -w"
    ),
    "serve": (
        "WEIGHTS --batch --device --engine --help --host --log --max-mb --max-pixels --media --port --precision"
        " --queue --threads --timeout --token --wait-ms --without-token"
    ),
    "train": (
        "RECIPE --accept-changes --cache --data --device --help --holdout --json --log --max-pixels --out --resume"
        " --seed --set --split --stretch-16-bit --workers -d -o"
    ),
    "weights": "--help",
    "weights import": (
        "SOURCE --channels --class-names --class-names-file --force --help --json --labels --mean --out --precision"
        " --priors --prototxt --scale --size -o"
    ),
    "weights list": "--help --json",
    "weights push": "SOURCE TO --force --help --json --license --message --private",
    "weights remap": (
        "SOURCE --class-names --class-names-file --force --help --json --map --out --precision --seed --to -o"
    ),
}


def options(command: Any) -> str:
    """Names of positional arguments in capitals, then all spellings of all options, sorted."""
    parameters = command.get_params(typer.Context(command))
    words = [p.name.upper() for p in parameters if p.param_type_name == "argument"]
    return " ".join([*words, *sorted(o for p in parameters if p.param_type_name == "option" for o in p.opts)])


def tree(command: Any, name: str = "") -> dict[str, str]:
    """The options of a command and of all its subcommands, by name."""
    found = {name: options(command)}
    for word, below in getattr(command, "commands", {}).items():
        found |= tree(below, f"{name} {word}".strip())
    return found


def test_commands_and_options_are_as_written_down():
    """The command tree of the program against the list above."""
    assert tree(typer.main.get_command(app)) == COMMANDS
