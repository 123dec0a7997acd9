"""How the exchange's parts say no: with a word of the protocol, and the HTTP status for it."""

from fedclinic.exchange_protocol import Trouble

STATUS = {
    Trouble.REQUEST: 422,
    Trouble.SIGNATURE: 401,
    Trouble.CLOCK: 401,
    Trouble.REPLAY: 401,
    Trouble.UNKNOWN_SITE: 401,
    Trouble.REVOKED: 403,
    Trouble.TOKEN: 403,
    Trouble.SECOND_AGENT: 409,
    Trouble.VERSION: 426,
    Trouble.RATE: 429,
    Trouble.QUOTA: 413,
    Trouble.TOO_LARGE: 413,
    Trouble.DIGEST: 422,
    Trouble.OFFSET: 409,
    Trouble.NO_LEASE: 409,
    Trouble.LATE: 410,
    Trouble.NOT_FOUND: 404,
    Trouble.STORAGE: 507,
    Trouble.BUSY: 503,
}


class RefusedError(Exception):
    """A call that the exchange does not carry out."""

    def __init__(self, trouble: Trouble, *, received: int | None = None) -> None:
        super().__init__(trouble.value)
        self.trouble = trouble
        self.received = received
