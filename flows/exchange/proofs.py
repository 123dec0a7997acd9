"""Proof that who gives a public key holds the private one."""

import base64
import binascii

from fedclinic.evidence.keys import VerifyKey
from fedclinic.exchange_protocol import Trouble
from flows.exchange.problems import RefusedError


def check_proof(public_key: str, proof: str, message: bytes) -> None:
    """Check a signature by the key that is given with it.

    Raises:
        RefusedError: if it is not one.
    """
    try:
        signature = base64.b64decode(proof, validate=True)
    except binascii.Error:
        raise RefusedError(Trouble.SIGNATURE) from None
    if not VerifyKey(bytes.fromhex(public_key)).accepts(signature, message):
        raise RefusedError(Trouble.SIGNATURE)
