"""What the service answers when it cannot do what a request asks for."""


class Problem(Exception):
    """An answer that is no success: an HTTP status, a word for programs and one line for people.

    `retry_after` is the number of seconds after which the client may try again.
    """

    def __init__(self, status: int, code: str, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.retry_after = status, code, message, retry_after


def busy(message: str, *, seconds: int = 1) -> Problem:
    """503: try again later."""
    return Problem(503, "busy", message, retry_after=seconds)


def too_late(seconds: float) -> Problem:
    """504: the time of a request is over."""
    return Problem(504, "timeout", f"no result after {seconds:g} s, the limit of this service: try again later")


class ClientLeftError(Exception):
    """The client closed its connection before the answer was there."""
