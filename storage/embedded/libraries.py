"""The shared libraries that mongod needs: the system's, or pycurl's libcurl if the system doesn't have it.

A minimal Linux, such as a slim container, only lacks libcurl. The package pycurl is installed because it contains a
copy; nothing imports it.
"""

import os
import re
import subprocess
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

_LIBCURL = "libcurl.so.4"

_NOT_LOADED = re.compile(r"error while loading shared libraries: (.*)")
"""The message of Linux's dynamic linker: the library, and why it was not loaded."""

UNVERSIONED = ": no version information available "
"""Part of the linker's harmless warning about pycurl's libcurl, printed at each start."""


class LibraryMissing(Exception):
    """mongod cannot run because a library is missing; the message says which, and what to do."""


def environment(mongod: Path, folder: Path) -> dict[str, str]:
    """Return the environment in which `mongod` finds its libraries, with `folder` as its working directory.

    It is the environment of this process. If there is no libcurl, pycurl's is linked in `folder` and added.
    Raise LibraryMissing.
    """
    variables = dict(os.environ)
    missing = _missing(mongod, folder, variables)
    if _LIBCURL in missing and (libcurl := _bundled_libcurl()):
        variables["LD_LIBRARY_PATH"] = _linked(libcurl, folder)
        missing = _missing(mongod, folder, variables)
    if missing:
        raise LibraryMissing(
            f"MongoDB cannot run because a shared library is missing: {missing}. Install it (Debian: apt-get install "
            "libcurl4 libssl3 liblzma5), or set CONTACTS_MONGODB_URI to the URI of a MongoDB replica set."
        )
    return variables


def _missing(mongod: Path, folder: Path, variables: dict[str, str]) -> str:
    """Return the first library that cannot be loaded, and why, or an empty string. Takes about 30 ms."""
    command = [str(mongod), "--version"]
    tried = subprocess.run(command, cwd=folder, env=variables, capture_output=True, errors="replace", check=False)
    found = _NOT_LOADED.search(tried.stderr)
    return found[1] if found else ""


def _bundled_libcurl() -> Path | None:
    """Return the path of pycurl's copy. None if it has none, for example because it was built on this machine."""
    try:
        installed = files("pycurl") or []
    except PackageNotFoundError:
        return None
    return next((Path(str(file.locate())) for file in installed if file.match("pycurl.libs/libcurl-*")), None)


def _linked(libcurl: Path, folder: Path) -> str:
    """Link the copy in `folder` with the name that mongod looks for. Return the search path for libraries."""
    link = folder / _LIBCURL
    link.unlink(missing_ok=True)
    link.symlink_to(libcurl)
    # Not the path of `folder`, which may contain a colon.
    search = [".", str(libcurl.parent), os.environ.get("LD_LIBRARY_PATH", "")]
    return ":".join(filter(None, search))
