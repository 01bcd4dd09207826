"""`multibox serve`: the HTTP service and its page."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from multibox.cli.console import say
from multibox.cli.options import Device, Engine, Precision, Threads
from multibox.errors import InputError, UsageError
from multibox.words import pip_install

if TYPE_CHECKING:
    from multibox.service.settings import ServiceSettings


def serve(
    weights: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=]WEIGHTS",
            help="Weight files, exported models or published names; by default lite320-animals.",
        ),
    ] = None,
    *,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, metavar="N", help="Port; 0 takes a free one.")
    ] = 8000,
    batch: Annotated[int, typer.Option("--batch", min=1, max=256, metavar="N", help="Most images in a batch.")] = 8,
    wait_ms: Annotated[
        float, typer.Option("--wait-ms", min=0, max=1000, metavar="MS", help="How long a batch waits for more images.")
    ] = 5.0,
    queue: Annotated[
        int, typer.Option("--queue", min=1, max=10_000, metavar="N", help="Images that may wait; then 503.")
    ] = 64,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, max=600, metavar="S", help="Seconds until an answer; then 504.")
    ] = 10.0,
    max_mb: Annotated[
        float, typer.Option("--max-mb", min=0.01, max=2000, metavar="MB", help="Megabytes of one request.")
    ] = 20.0,
    max_pixels: Annotated[
        int, typer.Option("--max-pixels", min=1, max=1_000_000_000, metavar="N", help="Refuse larger images.")
    ] = 50_000_000,
    token: Annotated[
        Path | None, typer.Option("--token", metavar="FILE", help="File whose first line every request must show.")
    ] = None,
    without_token: Annotated[
        bool, typer.Option("--without-token", help="Serve other machines without a token.")
    ] = False,
    media: Annotated[
        Path | None, typer.Option("--media", metavar="DIR", help="Files of Label Studio that tasks may name.")
    ] = None,
    log: Annotated[str, typer.Option("--log", metavar="text|json|none", help="Lines on standard error.")] = "text",
    device: Device = None,
    precision: Precision = None,
    engine: Engine = None,
    threads: Threads = None,
) -> None:
    """Serve detectors over HTTP, with a page in the browser.

    POST /v1/detect finds objects in an image; /v2 is the open inference protocol of KServe; /metrics is for Prometheus;
    /openapi.json describes everything. The page is at /. SIGTERM ends the service after requests that have begun.
    """
    from multibox.service.settings import ServiceSettings, read_token, require_token_beyond_loopback

    require_packages()
    secret = None if token is None else read_token(token)
    require_token_beyond_loopback(host, token=secret, without_token=without_token)
    settings = ServiceSettings(
        batch=batch,
        wait_ms=wait_ms,
        queue=queue,
        timeout=timeout,
        max_mb=max_mb,
        max_pixels=max_pixels,
        token=secret,
        host=host,
        media=_folder(media),
    )
    _start(weights or [], settings, port=port, log=log, choices=(device, precision, engine), threads=threads)


def _start(
    words: list[str],
    settings: "ServiceSettings",
    *,
    port: int,
    log: str,
    choices: tuple[str | None, str | None, str | None],
    threads: int | None,
) -> None:
    from multibox.cli.bench.options import set_threads
    from multibox.service.hosted import EngineChoices, named_sources
    from multibox.service.logs import check_kind, start_logs
    from multibox.service.server import address_of, open_socket, run
    from multibox.service.service import Service
    from multibox.weights.registry.detectors import DEFAULT

    check_kind(log)
    set_threads(threads)
    sources = named_sources(words or [DEFAULT.name])
    listener = open_socket(settings.host, port)
    start_logs(log)
    service = Service(sources, settings=settings, choices=EngineChoices(*choices))
    say(f"loading {', '.join(sources)}")
    run(service, listener, on_ready=lambda: say(f"ready: {address_of(listener)}"))


def _folder(path: Path | None) -> Path | None:
    if path is not None and not path.is_dir():
        raise InputError(f"--media {path} is not a folder: give the folder of Label Studio's files")
    return path


def require_packages() -> None:
    """Raise UsageError if a package of the extra `serve` is missing."""
    from importlib.util import find_spec

    packages = {
        "fastapi": "fastapi",
        "uvicorn": "uvicorn",
        "python_multipart": "python-multipart",
        "prometheus_client": "prometheus-client",
    }
    missing = [package for module, package in packages.items() if find_spec(module) is None]
    if missing:
        raise UsageError(f"serve needs {', '.join(missing)}: {pip_install(*missing)}")
