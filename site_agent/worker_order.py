"""What a worker tells the process that does one of its tasks."""

from uuid import UUID

from fedclinic.evidence.statement import Envelope
from fedclinic.records import Record


class Order(Record):
    """What a worker gives its child on standard input."""

    flow_run: UUID
    worker: int
    """Process id of the worker: a child that finds another parent was orphaned and ends."""
    task: Envelope
