"""A little OpenID Connect provider, in a process of its own: discovery, keys that rotate, code flow with PKCE.

`python -m tests.server.identity.provider` prints its port. Beside what a provider has, `/control/…` is for tests: sign
any claims, rotate the keys, say who logs in next, count what was fetched.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import secrets
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tests.harness import ROOT

CLIENT, SECRET = "podium-test", "a client's secret: äß%&"
ALGORITHMS = ("RS256", "ES256", "EdDSA")


class State:
    """What the provider knows."""

    def __init__(self) -> None:
        self.issuer = ""
        self.keys: dict[str, tuple[str, Any]] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.next: dict[str, Any] = {"sub": "anna-1", "name": "Anna Kovač"}
        self.count = {"jwks": 0, "token": 0}
        self.broken = ""
        self.rotate()

    def rotate(self) -> None:
        made = {
            "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
            "ES256": ec.generate_private_key(ec.SECP256R1()),
            "EdDSA": ed25519.Ed25519PrivateKey.generate(),
        }
        self.keys = {f"{name}-{secrets.token_hex(4)}": (name, key) for name, key in made.items()}

    def jwks(self) -> dict[str, Any]:
        shown = []
        for kid, (name, key) in self.keys.items():
            algorithm = jwt.get_algorithm_by_name(name)
            shown.append({**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "alg": name, "use": "sig"})
        return {"keys": shown}

    def sign(self, claims: dict[str, Any], algorithm: str, kid: str | None) -> str:
        found, (_, key) = next(item for item in self.keys.items() if item[1][0] == algorithm)
        return jwt.encode(claims, key, algorithm, {"kid": found if kid is None else kid})

    def public_pem(self, algorithm: str) -> str:
        key = next(key for name, key in self.keys.values() if name == algorithm)
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return str(key.public_key().public_bytes(serialization.Encoding.PEM, form).decode())

    def exchange(self, form: dict[str, str], authorization: str) -> dict[str, Any]:
        self.count["token"] += 1
        begun = self.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        pair = "Basic " + base64.b64encode(f"{CLIENT}:{quote(SECRET, safe='')}".encode()).decode()
        if (
            begun is None
            or begun["code_challenge"] != challenge.rstrip(b"=").decode()
            or begun["redirect_uri"] != form.get("redirect_uri")
            or authorization != pair
        ):
            return {"error": "invalid_grant"}
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": int(time.time()), "exp": int(time.time()) + 60}
        claims |= {"nonce": begun["nonce"], **self.next}
        return {"access_token": "x", "token_type": "Bearer", "id_token": self.sign(claims, "RS256", None)}


STATE = State()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/.well-known/openid-configuration":
            names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
            self.answer({"issuer": STATE.issuer, **{name: f"{STATE.issuer}/{path}" for name, path in names.items()}})
        elif url.path == "/jwks":
            STATE.count["jwks"] += 1
            if STATE.broken == "jwks":
                self.send_error(500)
            else:
                self.answer(STATE.jwks())
        elif url.path == "/authorize":
            asked = {name: values[0] for name, values in parse_qs(url.query).items()}
            assert asked["response_type"] == "code" and asked["client_id"] == CLIENT, asked
            assert asked["code_challenge_method"] == "S256" and "openid" in asked["scope"].split(), asked
            code = secrets.token_urlsafe(8)
            STATE.codes[code] = asked
            if STATE.broken == "refuses":
                answer = {"error": "access_denied", "state": asked["state"]}
            else:
                answer = {"code": code, "state": asked["state"], "session_state": "more"}
            self.send_response(302)
            self.send_header("Location", f"{asked['redirect_uri']}?{urlencode(answer)}")
            self.end_headers()
        elif url.path == "/control/count":
            self.answer(STATE.count)
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/token":
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            answer = STATE.exchange(form, self.headers.get("Authorization", ""))
            self.answer(answer, 400 if "error" in answer else 200)
            return
        asked = json.loads(body or b"{}")
        if self.path == "/control/sign":
            claims = {"iss": STATE.issuer, "aud": CLIENT, "iat": int(time.time()), "exp": int(time.time()) + 60}
            claims = {name: value for name, value in (claims | asked["claims"]).items() if value is not None}
            self.answer({"token": STATE.sign(claims, asked["algorithm"], asked["kid"])})
        elif self.path == "/control/rotate":
            STATE.rotate()
            self.answer({})
        elif self.path == "/control/pem":
            self.answer({"pem": STATE.public_pem(asked["algorithm"])})
        elif self.path == "/control/set":
            for name, value in asked.items():
                setattr(STATE, name, value)
            self.answer({})
        else:
            self.send_error(404)

    def answer(self, value: Any, status: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Provider:
    """The process, from a test's side."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.server.identity.provider"], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self.issuer = f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def sign(self, algorithm: str = "RS256", kid: str | None = None, **claims: Any) -> str:
        """A token with these claims beside the usual ones; None leaves one out."""
        wanted = {"algorithm": algorithm, "kid": kid, "claims": {"sub": "anna-1", "name": "Anna", **claims}}
        return str(self.ask("POST", "/control/sign", wanted)["token"])

    def set(self, **values: Any) -> None:
        """Who logs in `next`, what is `broken`."""
        self.ask("POST", "/control/set", values)

    def count(self, what: str) -> int:
        return int(self.ask("GET", "/control/count")[what])


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    STATE.issuer = f"http://127.0.0.1:{server.server_port}"
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
