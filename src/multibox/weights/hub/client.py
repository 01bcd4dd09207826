"""The calls of huggingface_hub that are used, with errors of one line. Its progress bars are off."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from multibox._version import __version__
from multibox.errors import UsageError, WeightsError
from multibox.weights.hub.name import HubName, parse_hub_name
from multibox.words import escaped, pip_install

_BESIDE = {".xml": ".bin"}
"""Suffixes of files that another file belongs to: the weights of an OpenVINO model."""


def fetch_from_hub(text: Path | str) -> Path:
    """The path of a file on the Hub, downloaded on first use into the cache of huggingface_hub.

    Raises UsageError if the name is malformed or the package is missing, WeightsError if the file cannot be fetched.
    """
    name = parse_hub_name(str(text))
    _require_package()
    import huggingface_hub

    suffix = Path(name.file).suffix
    files = [name.file, *([name.file.removesuffix(suffix) + _BESIDE[suffix]] if suffix in _BESIDE else [])]
    with _one_line(name):
        paths = [
            huggingface_hub.hf_hub_download(
                name.repository,
                file,
                revision=name.revision,
                library_name="multibox",
                library_version=__version__,
                endpoint=_endpoint(),
            )
            for file in files
        ]
    return Path(paths[0])


def push_to_hub(name: HubName, files: dict[str, bytes | Path], *, private: bool, message: str) -> str:
    """Create the repository if it does not exist, and add the files in one commit; return the address of the commit.

    Raises UsageError if the package is missing, WeightsError if the Hub refuses or does not answer.
    """
    _require_package()
    from huggingface_hub import CommitOperationAdd, HfApi

    api = HfApi(endpoint=_endpoint(), library_name="multibox", library_version=__version__)
    with _one_line(name):
        api.create_repo(name.repository, private=private, exist_ok=True)
        operations = [CommitOperationAdd(path_in_repo=path, path_or_fileobj=content) for path, content in files.items()]
        done = api.create_commit(name.repository, operations, commit_message=message, revision=name.revision)
    return str(done.commit_url)


def has_file(name: HubName, path: str) -> bool:
    """Whether a repository exists and has a file at the revision of `name`."""
    _require_package()
    from huggingface_hub import HfApi

    with _one_line(name):
        return bool(HfApi(endpoint=_endpoint()).file_exists(name.repository, path, revision=name.revision))


def _endpoint() -> str | None:
    """The Hub that HF_ENDPOINT names, None for the usual one."""
    return os.environ.get("HF_ENDPOINT") or None


def _require_package() -> None:
    try:
        import huggingface_hub  # noqa: F401
    except ImportError:
        raise UsageError(f"the Hub needs huggingface_hub: {pip_install('huggingface_hub')}") from None


@contextmanager
def _one_line(name: HubName) -> Iterator[None]:
    """Turn the errors of huggingface_hub into one line, and silence its progress bars."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    bars = import_module("huggingface_hub.utils")
    silent = bars.are_progress_bars_disabled()
    bars.disable_progress_bars()
    log = logging.getLogger("huggingface_hub")
    level = log.level
    log.setLevel(logging.ERROR)  # it warns of every attempt
    try:
        yield
    except LocalEntryNotFoundError:
        raise WeightsError(f"{name} is not in the cache, and {_unreachable(None)}") from None
    except HfHubHTTPError as error:
        raise WeightsError(f"{name}: {_refusal(error, name)}") from None
    except HFValidationError as error:
        raise WeightsError(f"{name}: {_short(error)}; check the name") from None
    except RuntimeError as error:  # an upload that failed; the cause says why
        raise WeightsError(f"{name}: the upload failed ({_short(error.__cause__ or error)}); try again") from None
    except ValueError as error:
        raise WeightsError(f"{name}: the answer is not that of a Hub ({_short(error)}); check HF_ENDPOINT") from None
    except _network_errors() as error:
        raise WeightsError(f"{name}: {_unreachable(error)}") from None
    finally:
        log.setLevel(level)
        if not silent:
            bars.enable_progress_bars()


def _network_errors() -> tuple[type[Exception], ...]:
    """The errors of its HTTP client, which changed with its versions, and those of sockets and files."""
    errors: list[type[Exception]] = [OSError]
    for module in ("httpx2", "httpx", "requests"):
        try:
            client = import_module(module)
        except ImportError:
            continue
        found = getattr(client, "HTTPError", None) or getattr(client, "RequestException", None)
        errors += [found] if found is not None else []
    return tuple(errors)


def _unreachable(error: BaseException | None) -> str:
    if os.environ.get("HF_HUB_OFFLINE", "0").upper() in ("1", "ON", "YES", "TRUE"):
        return "HF_HUB_OFFLINE forbids requests: unset it, or download the file by hand and give its path"
    endpoint = _endpoint() or "https://huggingface.co"
    reason = "" if error is None else f" ({_short(error)})"
    return f"{endpoint} does not answer{reason}: check the network, or give the path of a file"


def _refusal(error: Any, name: HubName) -> str:
    """Why the Hub refused, by the status of its answer."""
    status = getattr(getattr(error, "response", None), "status_code", 0)
    kind = type(error).__name__
    if kind == "RevisionNotFoundError":
        return f"the repository has no revision {name.revision!r}; choose a branch, a tag or a commit that it has"
    if kind in ("RemoteEntryNotFoundError", "EntryNotFoundError"):
        return f"the repository has no file {name.file}; give hf://{name.repository}@REVISION/FILE"
    if status in (401, 403) or kind == "GatedRepoError":
        return "the repository does not exist or is not yours to use; log in with `hf auth login`, or set HF_TOKEN"
    if kind == "RepositoryNotFoundError" or status == 404:
        return "there is no such repository; check owner and name, and log in if it is private"
    return f"the Hub refuses ({_short(error)}); try again later"


def _short(error: BaseException) -> str:
    return escaped(" ".join(str(error).split()))[:200].rstrip(".")
