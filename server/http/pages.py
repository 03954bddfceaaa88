"""The pages and their static files, from `server/web`.

A file is kept in memory with its ETag and read again when it has changed on the disk. Browsers keep it and ask each
time (`no-cache`): the answer is 304, and an upgrade of the server never mixes old and new modules.
"""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from protocol.errors import Code
from server.http.failure import Failure
from server.http.shell import policy

WEB = Path(__file__).resolve().parent.parent / "web"
PAGES = {
    "/": "home.html",
    "/c/{conference}": "conference.html",
    "/console/{conference}": "console.html",
    "/panel": "panel.html",
    "/invitations/{conference}": "invitations.html",
    "/register/{conference}": "register.html",
    "/recordings/{conference}": "recordings.html",
    "/reports/{conference}": "reports.html",
    "/company": "company.html",
    "/join": "join.html",
}
EMBEDDABLE = "conference.html"
# What the system's table may not know, or know differently; a module with another type is refused by the browser.
_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".html": "text/html",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_TEXT = ("text/", "application/json", "application/manifest+json", "image/svg+xml")


@dataclass(frozen=True)
class _Kept:
    content: bytes
    etag: str
    type: str
    stamp: tuple[int, int]


class Pages:
    """The files of one folder. The folder bounds what is kept: only files in it are ever read."""

    def __init__(self, folder: Path = WEB, embed_origins: tuple[str, ...] = ()) -> None:
        """`embed_origins`: whose pages may show a conference in a frame."""
        self._folder = folder.resolve()
        self._embedded = {"Content-Security-Policy": policy(embed_origins)}
        self._kept: dict[Path, _Kept] = {}

    def routes(self) -> list[Route]:
        """The pages and the static files as routes."""
        pages = [Route(path, self._page(name), methods=["GET"]) for path, name in PAGES.items()]
        return [*pages, Route("/favicon.ico", self._page("favicon.svg")), Route("/static/{path:path}", self._static)]

    def _page(self, name: str):  # type: ignore[no-untyped-def]
        async def page(request: Request) -> Response:
            # In a frame only where the address says so: the links that people are sent are not to be framed.
            framed = name == EMBEDDABLE and request.query_params.get("embed") == "1"
            return self._serve(request, name, self._embedded if framed else {})

        return page

    async def _static(self, request: Request) -> Response:
        return self._serve(request, request.path_params["path"])

    def _serve(self, request: Request, name: str, more: Mapping[str, str] = MappingProxyType({})) -> Response:
        kept = self._read(name)
        if kept is None:
            return Failure(Code.NOT_FOUND).response()
        headers = {"ETag": kept.etag, "Cache-Control": "no-cache", **more}
        asked = request.headers.get("if-none-match", "")
        if asked == "*" or kept.etag in (tag.strip().removeprefix("W/") for tag in asked.split(",")):
            return Response(status_code=304, headers=headers)
        return Response(kept.content, headers={**headers, "Content-Type": kept.type})

    def missing(self, request: Request) -> Response | None:
        """The page for an address that leads nowhere, for a browser; None for anybody else."""
        page = self._read("404.html") if "text/html" in request.headers.get("accept", "") else None
        if page is None:
            return None
        return Response(page.content, status_code=404, headers={"Content-Type": page.type})

    def _read(self, name: str) -> _Kept | None:
        try:
            path = (self._folder / name).resolve()
            if not path.is_relative_to(self._folder) or any(part.startswith(".") for part in Path(name).parts):
                return None
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            kept = self._kept.get(path)
            if kept is None or kept.stamp != stamp:
                content = path.read_bytes()
                etag = '"' + hashlib.sha256(content).hexdigest()[:24] + '"'
                kept = self._kept[path] = _Kept(content, etag, _type(path), stamp)
            return kept
        except (OSError, ValueError):  # not there, a folder, a name with a zero byte
            return None


def _type(path: Path) -> str:
    found = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"{found}; charset=utf-8" if found.startswith(_TEXT) else found
