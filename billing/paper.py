"""Paper: HTML of ours as a PDF, by WeasyPrint, with our static files and no network."""

from pathlib import Path

from django.contrib.staticfiles import finders
from weasyprint import HTML
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

FILES = "https://static.invalid/"  # what stands before the name of a file of ours in the page
KINDS = {".css": "text/css", ".woff2": "font/woff2", ".svg": "image/svg+xml"}


class OwnFiles(URLFetcher):
    """Gives the page our static files and nothing else: no network, no other file."""

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:
        """Return a static file. Raises FatalURLFetchingError for any other address."""
        name = url.removeprefix(FILES)
        kind = KINDS.get(Path(name).suffix)
        found = finders.find(name) if url.startswith(FILES) and kind else None
        if not isinstance(found, str):
            raise FatalURLFetchingError(f"A page may not load {url[:100]}")
        return URLFetcherResponse(url, Path(found).read_bytes(), {"Content-Type": str(kind)})


def pdf(page: str) -> bytes:
    """Return a page as PDF. Slow, so no transaction may be open."""
    return bytes(HTML(string=page, base_url=FILES, url_fetcher=OwnFiles()).write_pdf())
