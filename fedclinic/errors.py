"""Every error that fedclinic raises on purpose, and the code that may leave a site for it.

    FedclinicError
    ├── ConfigError          a document that a person wrote (plan, site.yaml, policy) is wrong
    ├── DataError            notes, rosters or gold files are missing, damaged or off the plan
    ├── ModelError           a model folder or checkpoint is not what the plan names
    ├── PolicyError          the site's own policy forbids what the plan asks
    ├── BudgetError          the round would overspend a cohort's privacy budget
    ├── LedgerError          the budget ledger is damaged, foreign, rolled back or misused
    ├── SignatureError       a signature, digest or nonce does not match
    ├── AdmissionError       an update does not satisfy the plan
    ├── DeidentificationError  a note could not be de-identified with certainty
    ├── TrainingError        local training could not finish
    ├── RunError             a federation run cannot start, go on or be found
    └── EvidenceError        evidence could not be written or verified

Messages hold names, counts and digests; never note text and never a patient key.
"""

from enum import StrEnum


class ErrorCode(StrEnum):
    """What a site tells the coordinator of a failure: one of these words, nothing else."""

    CONFIG = "config"
    DATA = "data"
    MODEL = "model"
    POLICY = "policy"
    BUDGET = "budget"
    LEDGER = "ledger"
    SIGNATURE = "signature"
    ADMISSION = "admission"
    DEIDENTIFICATION = "deidentification"
    TRAINING = "training"
    RUN = "run"
    EVIDENCE = "evidence"
    CANCELLED = "cancelled"
    UNEXPECTED = "unexpected"


class FedclinicError(Exception):
    """A mistake or refusal that is explained to a person in one line."""

    code = ErrorCode.UNEXPECTED


class ConfigError(FedclinicError):
    code = ErrorCode.CONFIG


class DataError(FedclinicError):
    code = ErrorCode.DATA


class ModelError(FedclinicError):
    code = ErrorCode.MODEL


class PolicyError(FedclinicError):
    code = ErrorCode.POLICY


class BudgetError(FedclinicError):
    code = ErrorCode.BUDGET


class LedgerError(FedclinicError):
    code = ErrorCode.LEDGER


class SignatureError(FedclinicError):
    code = ErrorCode.SIGNATURE


class AdmissionError(FedclinicError):
    code = ErrorCode.ADMISSION


class DeidentificationError(FedclinicError):
    code = ErrorCode.DEIDENTIFICATION


class TrainingError(FedclinicError):
    code = ErrorCode.TRAINING


class RunError(FedclinicError):
    code = ErrorCode.RUN


class EvidenceError(FedclinicError):
    code = ErrorCode.EVIDENCE
