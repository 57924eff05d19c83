"""Signs by each algorithm, with a key that is made for it (PyJWT): python3 sign.py CLAIMS ALGORITHM…

Writes a line of JSON for each: the token, and the public key as PEM, or the secret.
"""

import base64
import json
import secrets
import sys

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVES = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1}


def private_key(alg):
    if alg in CURVES:
        return ec.generate_private_key(CURVES[alg]())
    if alg == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def signed(alg, claims):
    headers = {"typ": "at+jwt", "kid": alg}
    if alg.startswith("HS"):
        secret = secrets.token_bytes(64)
        text = base64.urlsafe_b64encode(secret).decode().rstrip("=")
        return {"token": jwt.encode(claims, secret, alg, headers), "secret": text}
    key = private_key(alg)
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {"token": jwt.encode(claims, key, alg, headers), "pem": pem.decode()}


_, claims, *algorithms = sys.argv
for alg in algorithms:
    print(json.dumps({"alg": alg, **signed(alg, json.loads(claims))}))
