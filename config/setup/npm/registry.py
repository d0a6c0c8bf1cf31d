"""Where packages come from, and how they get here.

The order is npm's own: a scope's registry, the environment, the project's .npmrc, the user's
.npmrc. When nothing is configured, packageurl names the public place of a package.
"""

from __future__ import annotations

import http.client
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from packageurl.contrib import purl2url

from config.setup.npm.lock import Package
from config.setup.paths import SetupError

TRIES = 4
TIMEOUT = 30  # seconds without a byte
LARGEST = 64 * 1024 * 1024  # bytes; esbuild's binary package has about 5 million


@dataclass(frozen=True)
class Registry:
    """Base URLs: one for everything, or one per scope; empty where nothing is configured."""

    base: str = ""
    scopes: Mapping[str, str] = field(default_factory=dict)  # "@scope" -> base URL

    @classmethod
    def configured(cls, root: Path, environ: Mapping[str, str] | None = None) -> Registry:
        """What the environment and the .npmrc files say, for the checkout in `root`."""
        env = {k.lower(): v for k, v in (os.environ if environ is None else environ).items()}
        user = Path(env.get("npm_config_userconfig") or Path.home() / ".npmrc")
        settings = {**_npmrc(user, env), **_npmrc(root / ".npmrc", env)}
        base = env.get("npm_config_registry") or settings.get("registry", "")
        ending = ":registry"
        scopes = {k.removesuffix(ending): v for k, v in settings.items() if k.endswith(ending)}
        return cls(base, scopes)

    def url(self, package: Package) -> str:
        """Where the package's tarball is."""
        scope = package.name.partition("/")[0] if package.name.startswith("@") else ""
        base = self.scopes.get(scope) or self.base
        if base:
            file = f"{package.name.rpartition('/')[2]}-{package.version}.tgz"
            return f"{base.rstrip('/')}/{package.name}/-/{file}"
        return _public(package)

    def download(self, package: Package) -> bytes:
        """The tarball's bytes, not yet checked. Raises SetupError when it cannot be had.

        Proxies and certificates are taken from the environment (https_proxy, SSL_CERT_FILE …).
        """
        url = self.url(package)
        if not url.startswith(("https://", "http://")):
            raise SetupError(f"The registry of {package.name} is not a web address.")
        for attempt in range(TRIES):
            if attempt:
                time.sleep(2**attempt / 2)
            try:
                with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:  # noqa: S310
                    data: bytes = answer.read(LARGEST + 1)
            except urllib.error.HTTPError as error:
                problem = f"the registry answered {error.code}"
                if error.code < 500 and error.code not in (408, 429):
                    break
            except (OSError, http.client.HTTPException) as error:
                problem = str(getattr(error, "reason", error)) or type(error).__name__
            else:
                if len(data) <= LARGEST:
                    return data
                problem = "it is larger than expected"
                break
        raise SetupError(f"{package.name} {package.version} could not be downloaded: {problem}.")


def _public(package: Package) -> str:
    purl = f"pkg:npm/{quote(package.name, safe='/')}@{package.version}"
    url = purl2url.get_download_url(purl)  # type: ignore[no-untyped-call]
    if not url:
        raise SetupError(f"No registry is known for {package.name}: set npm_config_registry.")
    return str(url)


def _npmrc(path: Path, env: Mapping[str, str]) -> dict[str, str]:
    """The `key=value` lines of an .npmrc, with ${NAME} taken from the environment."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    settings = {}
    for line in lines:
        key, equals, value = line.partition("=")
        if equals and not key.lstrip().startswith(("#", ";")):
            clean = value.strip().strip("\"'")
            settings[key.strip()] = re.sub(
                r"\$\{(\w+)\}", lambda name: env.get(name[1].lower(), ""), clean
            )
    return settings
