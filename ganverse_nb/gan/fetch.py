"""NVIDIA's official networks: who may use them, where they are, and how they get here. None is shipped."""

from __future__ import annotations

import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ganverse_nb.gan.official import is_foreign
from ganverse_nb.runtime.errors import ExpectedError, cause
from ganverse_nb.runtime.files import sha256

ADDRESS = "https://nvlabs-fi-cdn.nvidia.com/stylegan2/networks/"
NETWORKS = {
    "car": "stylegan2-car-config-e.pkl",  # the paper's 2048 + 3008 styles
    "car-config-f": "stylegan2-car-config-f.pkl",
    "horse": "stylegan2-horse-config-f.pkl",
    "cat": "stylegan2-cat-config-f.pkl",
    "church": "stylegan2-church-config-f.pkl",
}
LICENCE = (
    "Nvidia Source Code License-NC (non-commercial: research and evaluation only), "
    "https://nvlabs.github.io/stylegan2/license.html"
)
TIMEOUT = 30.0  # seconds without a byte
CHUNK = 2**20


def fetch_gan(
    name: str, directory: Path, expected: str | None = None, say: Callable[[str], None] = print, base: str | None = None
) -> Path:
    """Downloads an official network, going on where an earlier download stopped.

    Args:
        name: one of `NETWORKS`.
        expected: the SHA-256 it must have. NVIDIA publishes none; without it the computed one is said.
        say: gets each line for the user.
        base: address of the folder, NVIDIA's by default.

    Raises:
        ExpectedError: unknown name, no connection (the message says what to download by hand, and where to put it),
            an interrupted download, a wrong hash.
    """
    if name not in NETWORKS:
        raise ExpectedError(f"No official network {name!r}; there are {', '.join(NETWORKS)}.")
    address, target = (base or ADDRESS) + NETWORKS[name], Path(directory) / NETWORKS[name]
    say(f"licence: {LICENCE}")
    say(f"address: {address}")
    say(f"target:  {target}")
    if not target.is_file():
        partial = target.with_name(f"{target.name}.partial")
        made = not target.parent.exists()
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            _download(address, partial, say)
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            if made:
                with suppress(OSError):  # a part is kept in it
                    target.parent.rmdir()
            raise ExpectedError(_by_hand(address, target, partial, error)) from error
        if not is_foreign(partial):
            partial.unlink()
            raise ExpectedError(f"{address} sent something that is no network; download it in a browser to {target}.")
        os.replace(partial, target)
    found = sha256(target)
    say(f"sha256:  {found}")
    if expected is not None and expected.lower() != found:
        raise ExpectedError(f"{target} has another SHA-256 than {expected}; delete it and run the same command again.")
    return target


def _by_hand(address: str, target: Path, partial: Path, error: Exception) -> str:
    kept = ""
    if partial.is_file():
        kept = f" {partial.stat().st_size} bytes are kept in {partial}; the same command goes on from there."
    return (
        f"{address} could not be downloaded ({cause(error)}).{kept} Without a connection, download this address on "
        f"another machine, put the file at {target.absolute()}, and run `ganverse import-gan {target}`."
    )


def _download(address: str, partial: Path, say: Callable[[str], None]) -> None:
    have = partial.stat().st_size if partial.is_file() else 0
    request = urllib.request.Request(address, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            goes_on = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
            if response.status == 206 and not goes_on:
                raise OSError("the server sent another part than asked for")
            have = have if goes_on else 0
            length = response.headers.get("Content-Length")
            total = None if length is None else have + int(length)
            say(f"size:    {'unknown' if total is None else f'{total / 2**20:.1f} MB'}, {have / 2**20:.1f} MB are here")
            with partial.open("ab" if goes_on else "wb") as file:
                while chunk := response.read(CHUNK):
                    file.write(chunk)
    except urllib.error.HTTPError as error:
        if error.code == 416 and error.headers.get("Content-Range") == f"bytes */{have}":
            return  # all of it was here
        if error.code == 416:
            partial.unlink()
        raise
    if total is not None and partial.stat().st_size != total:
        raise OSError(f"the connection ended after {partial.stat().st_size} of {total} bytes")
