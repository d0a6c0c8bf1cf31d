"""Front-end files: from a lock file and a registry on loopback to static/vendor/."""

import base64
import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from config.setup.npm import bundle, tarball, vendor
from config.setup.npm.lock import Manifest, Package
from config.setup.npm.registry import Registry
from config.setup.paths import SetupError


def packed(files: dict[str, bytes]) -> bytes:
    """A tarball as a registry hands it out: everything under package/."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def integrity(data: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def checkout(folder: Path, vendored: dict, data: bytes, **lock_changes) -> Manifest:
    """A folder with package.json and package-lock.json for one package, @scope/face 1.2.3."""
    dependencies = {"@scope/face": "1.2.3"}
    locked = {"version": "1.2.3", "integrity": integrity(data), **lock_changes}
    (folder / "package.json").write_text(
        json.dumps({"dependencies": dependencies, "atelier": {"vendor": {"@scope/face": vendored}}})
    )
    (folder / "package-lock.json").write_text(
        json.dumps(
            {
                "lockfileVersion": 3,
                "packages": {
                    "": {"dependencies": dependencies},
                    "node_modules/@scope/face": locked,
                },
            }
        )
    )
    return Manifest.read(folder)


@pytest.fixture
def face(httpserver: HTTPServer) -> bytes:
    """The tarball of @scope/face, served at its place in a registry."""
    data = packed(
        {
            "package/face.woff2": b"wOF2-face",
            "package/face.css": b"a{}\n/*# sourceMappingURL=face.css.map */\n",
            "package/README.md": b"not wanted",
        }
    )
    httpserver.expect_request("/npm/@scope/face/-/face-1.2.3.tgz").respond_with_data(data)
    return data


@pytest.fixture
def registry(httpserver: HTTPServer) -> Registry:
    return Registry(base=httpserver.url_for("/npm/"))


def test_only_the_listed_files_are_unpacked(tmp_path, face, registry):
    manifest = checkout(tmp_path, {"face.woff2": "fonts/face.woff2"}, face)
    vendor.unpack(manifest, registry, tmp_path / "vendor")
    files = [p.relative_to(tmp_path / "vendor") for p in (tmp_path / "vendor").rglob("*.*")]
    assert files == [Path("fonts/face.woff2")]
    assert (tmp_path / "vendor/fonts/face.woff2").read_bytes() == b"wOF2-face"


def test_what_an_earlier_list_unpacked_is_gone(tmp_path, face, registry):
    old = tmp_path / "vendor/old.css"
    old.parent.mkdir()
    old.write_text("old")
    vendor.unpack(checkout(tmp_path, {"face.css": "face.css"}, face), registry, old.parent)
    assert not old.exists()


def test_links_to_source_maps_are_taken_out(tmp_path, face, registry):
    vendor.unpack(checkout(tmp_path, {"face.css": "face.css"}, face), registry, tmp_path / "vendor")
    assert (tmp_path / "vendor/face.css").read_bytes() == b"a{}\n\n"


def test_a_package_with_another_hash_is_refused_and_nothing_changes(tmp_path, face, registry):
    manifest = checkout(tmp_path, {"face.css": "face.css"}, b"what was locked")
    with pytest.raises(SetupError, match="sha512 differs"):
        vendor.unpack(manifest, registry, tmp_path / "vendor")
    assert not (tmp_path / "vendor").exists()


def test_a_weak_hash_alone_is_refused(tmp_path, face, registry):
    manifest = checkout(tmp_path, {"face.css": "face.css"}, face, integrity="sha1-AAAA")
    with pytest.raises(SetupError, match="no strong hash"):
        vendor.unpack(manifest, registry, tmp_path / "vendor")


@pytest.mark.parametrize("outside", ["../evil.css", "/tmp/evil.css", "fonts/../../evil.css", ""])
def test_a_target_outside_of_the_vendor_folder_is_refused(tmp_path, face, registry, outside):
    manifest = checkout(tmp_path, {"face.css": outside}, face)
    with pytest.raises(SetupError, match="leads outside"):
        vendor.unpack(manifest, registry, tmp_path / "vendor")
    assert not list(tmp_path.rglob("evil.css"))


def test_names_and_links_that_leave_a_package_are_left_out():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in ("package/../../up.js", "/etc/abs.js", "package/good.js", "top.js"):
            member = tarfile.TarInfo(name)
            member.size = 2
            archive.addfile(member, io.BytesIO(b"ok"))
        link = tarfile.TarInfo("package/link.js")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert set(tarball.files(buffer.getvalue())) == {"good.js"}


def test_a_file_that_the_package_does_not_have_is_named(tmp_path, face, registry):
    with pytest.raises(SetupError, match="@scope/face has no file missing.woff2"):
        vendor.unpack(
            checkout(tmp_path, {"missing.woff2": "a"}, face), registry, tmp_path / "vendor"
        )


def test_a_lock_file_that_does_not_fit_is_refused(tmp_path, face):
    checkout(tmp_path, {}, face)
    package = json.loads((tmp_path / "package.json").read_text())
    package["dependencies"]["@scope/face"] = "1.2.4"
    (tmp_path / "package.json").write_text(json.dumps(package))
    with pytest.raises(SetupError, match="does not fit package.json"):
        Manifest.read(tmp_path)


def test_a_package_that_is_not_from_a_registry_is_refused(tmp_path):
    packages = {"": {}, "node_modules/a": {"resolved": "../a", "link": True}}
    (tmp_path / "package.json").write_text("{}")
    (tmp_path / "package-lock.json").write_text(
        json.dumps({"lockfileVersion": 3, "packages": packages})
    )
    with pytest.raises(SetupError, match="a in package-lock.json has no integrity"):
        Manifest.read(tmp_path)


def test_a_registry_that_stumbles_is_asked_again(tmp_path, httpserver, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    data = packed({"package/a.css": b"a{}"})
    path = "/@scope/face/-/face-1.2.3.tgz"
    httpserver.expect_ordered_request(path).respond_with_data("busy", status=503)
    httpserver.expect_ordered_request(path).respond_with_data(data)
    manifest = checkout(tmp_path, {"a.css": "a.css"}, data)
    vendor.unpack(manifest, Registry(base=httpserver.url_for("/")), tmp_path / "vendor")
    assert (tmp_path / "vendor/a.css").read_bytes() == b"a{}"


def test_a_package_that_is_not_there_is_an_error_at_once(tmp_path, httpserver, face):
    httpserver.expect_request("/other/@scope/face/-/face-1.2.3.tgz").respond_with_data(status=404)
    manifest = checkout(tmp_path, {"face.css": "face.css"}, face)
    with pytest.raises(SetupError, match="answered 404"):
        vendor.unpack(manifest, Registry(base=httpserver.url_for("/other")), tmp_path / "vendor")


class TestWhichRegistry:
    """npm's order: scope, environment, the project's .npmrc, the user's, the public one."""

    package = Package("node_modules/@scope/face", "@scope/face", "1.2.3", "")
    tail = "/@scope/face/-/face-1.2.3.tgz"

    def configured(self, tmp_path, environ, project="", user=""):
        (tmp_path / ".npmrc").write_text(project)
        (tmp_path / "user").write_text(user)
        environ = {"NPM_CONFIG_USERCONFIG": str(tmp_path / "user"), **environ}
        return Registry.configured(tmp_path, environ).url(self.package)

    def test_the_environment_wins_over_files(self, tmp_path):
        url = self.configured(
            tmp_path, {"npm_config_registry": "https://env.test/"}, "registry=https://project.test"
        )
        assert url == "https://env.test" + self.tail

    def test_the_project_wins_over_the_user(self, tmp_path):
        url = self.configured(
            tmp_path, {}, "registry = https://project.test/x/", "registry=https://user.test"
        )
        assert url == "https://project.test/x" + self.tail

    def test_a_scope_has_its_own_registry(self, tmp_path):
        url = self.configured(
            tmp_path,
            {"NPM_CONFIG_REGISTRY": "https://env.test"},
            user="; comment\n@scope:registry=https://${PLACE}.test",
        )
        assert url == "https://.test" + self.tail
        url = self.configured(tmp_path, {"PLACE": "own"}, "@scope:registry=https://${PLACE}.test")
        assert url == "https://own.test" + self.tail

    def test_without_settings_the_public_place_is_taken(self, tmp_path):
        url = self.configured(tmp_path, {})
        assert url.startswith("https://")
        assert url.endswith(self.tail)

    def test_a_registry_that_is_a_file_is_refused(self, tmp_path):
        with pytest.raises(SetupError, match="not a web address"):
            Registry(base="file:///etc").download(self.package)


def test_packages_for_other_platforms_are_left_out(monkeypatch):
    monkeypatch.setattr(bundle, "platform_name", lambda: ("linux", "x64"))

    def package(systems, machines):
        return Package("node_modules/a", "a", "1", "", systems, machines)

    assert bundle.runs_here(package((), ()))
    assert bundle.runs_here(package(("linux", "darwin"), ("x64",)))
    assert bundle.runs_here(package(("!win32",), ()))
    assert not bundle.runs_here(package(("darwin",), ("x64",)))
    assert not bundle.runs_here(package(("linux",), ("arm64",)))
    assert not bundle.runs_here(package(("!linux",), ()))
