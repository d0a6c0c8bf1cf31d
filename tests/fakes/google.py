"""Google's sign-in, on loopback: strict about what a client must send, as RFC 6749 and 7636 say.

`/auth` (consent, answers with a redirect), `/token` (code and PKCE verifier for tokens), `/certs`
(PEM certificates by key id, like googleapis.com/oauth2/v1/certs) and `/userinfo`.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
import pytest
from allauth.socialaccount.providers.google import views
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from pytest_django.fixtures import Settings

KEY_ID = "fake-key-1"
CLIENT_ID = "atelier.apps.example"
CLIENT_SECRET = "not-a-secret"


@dataclass
class Person:
    """Somebody with a Google account."""

    sub: str = "110169484474386276334"
    email: str = "gina@example.org"
    email_verified: bool = True
    given_name: str = "Gina"


@dataclass
class Google:
    """The fake's state: who sits at the browser, what is broken, and what was asked."""

    base: str = ""
    callback: str = ""  # the only redirect address it knows; empty: any on loopback or testserver
    person: Person = field(default_factory=Person)
    refuses: bool = False  # the person presses "cancel"
    token_status: int = 200
    with_id_token: bool = True
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    key: rsa.RSAPrivateKey = field(default_factory=lambda: _own_key())

    @property
    def provider(self) -> dict[str, Any]:
        """allauth's settings for this Google."""
        return {
            "APPS": [{"client_id": CLIENT_ID, "secret": CLIENT_SECRET, "key": ""}],
            "SCOPE": ["profile", "email"],
            "OAUTH_PKCE_ENABLED": True,
            "AUTHORIZE_URL": f"{self.base}/auth",
            "ACCESS_TOKEN_URL": f"{self.base}/token",
            "CERTS_URL": f"{self.base}/certs",
            "IDENTITY_URL": f"{self.base}/userinfo",
            "ID_TOKEN_ISSUER": self.base,
        }

    def id_token(self, key: rsa.RSAPrivateKey | None = None, **claims: Any) -> str:
        """Return a signed identity of the person; `key` and `claims` make a false one."""
        now = int(time.time())
        told = {
            "iss": self.base,
            "aud": CLIENT_ID,
            "azp": CLIENT_ID,
            "iat": now,
            "exp": now + 3600,
            "sub": self.person.sub,
            "email": self.person.email,
            "email_verified": self.person.email_verified,
            "given_name": self.person.given_name,
            **claims,
        }
        return jwt.encode(told, key or self.key, algorithm="RS256", headers={"kid": KEY_ID})

    def certificate(self) -> str:
        """Return the public key as Google publishes it: a self-signed certificate in PEM."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fake google")])
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
        builder = builder.public_key(self.key.public_key()).serial_number(1)
        builder = builder.not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
        made = builder.sign(self.key, hashes.SHA256())
        return made.public_bytes(serialization.Encoding.PEM).decode()

    def consent(self, asked: dict[str, str]) -> str:
        """Return where the browser goes after the consent page. Raises Wrong."""
        target = asked.get("redirect_uri", "")
        _must(asked.get("client_id") == CLIENT_ID, "invalid_client")
        _must(urlsplit(target).hostname in ("testserver", "127.0.0.1", "localhost"), "redirect_uri")
        _must(not self.callback or target == self.callback, "redirect_uri_mismatch")
        _must(asked.get("response_type") == "code", "unsupported_response_type")
        _must({"email", "profile"} <= set(asked.get("scope", "").split()), "invalid_scope")
        _must(asked.get("code_challenge_method") == "S256", "invalid_request: PKCE")
        _must(len(asked.get("code_challenge", "")) == 43, "invalid_request: PKCE")
        _must(bool(asked.get("state")), "invalid_request: state")
        if self.refuses:
            return f"{target}?{urlencode({'error': 'access_denied', 'state': asked['state']})}"
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return f"{target}?{urlencode({'code': code, 'state': asked['state']})}"

    def exchange(self, sent: dict[str, str]) -> dict[str, Any]:
        """Return tokens for a code, once. Raises Wrong."""
        asked = self.codes.pop(sent.get("code", ""), None)
        _must(asked is not None, "invalid_grant")
        assert asked is not None
        _must(sent.get("grant_type") == "authorization_code", "unsupported_grant_type")
        _must(sent.get("client_id") == CLIENT_ID, "invalid_client")
        _must(sent.get("client_secret") == CLIENT_SECRET, "invalid_client")
        _must(sent.get("redirect_uri") == asked["redirect_uri"], "redirect_uri_mismatch")
        digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        _must(challenge == asked["code_challenge"], "invalid_grant: PKCE")
        access = secrets.token_urlsafe(16)
        self.tokens.add(access)
        answer = {"access_token": access, "expires_in": 3599, "token_type": "Bearer"}
        return answer | ({"id_token": self.id_token()} if self.with_id_token else {})

    def identity(self, authorization: str) -> dict[str, Any]:
        """Return who an access token belongs to. Raises Wrong."""
        _must(authorization.removeprefix("Bearer ") in self.tokens, "invalid_token")
        who = self.person
        return {"id": who.sub, "email": who.email, "verified_email": who.email_verified}


class Wrong(Exception):
    """The client sent what Google would refuse."""


@cache
def _own_key() -> rsa.RSAPrivateKey:
    """The key the fake signs with; making one takes a moment, so there is one per run."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _must(true: bool, otherwise: str) -> None:
    if not true:
        raise Wrong(otherwise)


@contextmanager
def google() -> Iterator[Google]:
    """Run the fake while the block runs."""
    state = Google()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state))
    state.base = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


def use(running: Google, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send our Google button to the fake, for one test."""
    told = running.provider
    settings.GOOGLE_CLIENT_ID = CLIENT_ID
    settings.SOCIALACCOUNT_PROVIDERS = {"google": told}
    # allauth reads these addresses once, when its module is loaded.
    monkeypatch.setattr(views.GoogleOAuth2Adapter, "authorize_url", told["AUTHORIZE_URL"])
    monkeypatch.setattr(views.GoogleOAuth2Adapter, "access_token_url", told["ACCESS_TOKEN_URL"])
    monkeypatch.setattr(views.GoogleOAuth2Adapter, "identity_url", told["IDENTITY_URL"])
    monkeypatch.setattr(views, "CERTS_URL", told["CERTS_URL"])
    monkeypatch.setattr(views, "ID_TOKEN_ISSUER", told["ID_TOKEN_ISSUER"])


def _handler(state: Google) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            if address.path == "/auth":
                self._answer(lambda: state.consent(dict(parse_qsl(address.query))), 302)
            elif address.path == "/certs":
                self._answer(lambda: {KEY_ID: state.certificate()})
            elif address.path == "/userinfo":
                self._answer(lambda: state.identity(self.headers.get("Authorization", "")))
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            if self.path != "/token":
                self.send_error(404)
            elif state.token_status != 200:
                state.asked.append("/token")
                self.send_error(state.token_status)
            else:
                self._answer(lambda: state.exchange(dict(parse_qsl(body))))

        def _answer(self, make: Any, status: int = 200) -> None:
            state.asked.append(urlsplit(self.path).path)
            try:
                made = make()
            except Wrong as wrong:
                made, status = {"error": str(wrong)}, 400
            self.send_response(status)
            if status == 302:
                self.send_header("Location", made)
                made = ""
            content = json.dumps(made).encode()
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    return Handler
