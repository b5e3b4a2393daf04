"""Where the tests find what the package may not ship."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from dynascene_cli.app import main
from dynascene_cli.commands.demo import MEDIA as DEMO_MEDIA
from dynascene_cli.video import (
    open_clip,
    open_sink,
    read_frames,
    read_photo,
    resize_to_cover,
    write_image,
)

# How fast a busy machine draws and runs examples says nothing about the program.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

SHARED = Path(os.environ.get("DYNASCENE_SHARED", Path(__file__).resolve().parents[2] / "shared"))


def shared_folder(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"needs {name}/ of the shared folder (set DYNASCENE_SHARED)")
    return folder


@pytest.fixture(scope="session")
def shared_media() -> Path:
    return shared_folder("media")


@pytest.fixture(scope="session")
def shared_models() -> Path:
    return shared_folder("models")


@pytest.fixture
def hears_interruptions() -> Callable[[], None]:
    """A ``preexec_fn`` for processes that hear SIGINT where the tests are told to ignore it."""
    return lambda: (signal.signal(signal.SIGINT, signal.SIG_DFL), None)[1]


CHROMIUM = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update",
            "--disable-sync")  # fmt: skip


@pytest.fixture(scope="module")
def chromium():
    """A window of a real browser, headless, in whose log no error may stand in the end."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (browser and driver):
        pytest.skip("needs chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for word in CHROMIUM:
        options.add_argument(word)
    window = webdriver.Chrome(options, webdriver.ChromeService(driver))
    window.set_window_size(1280, 900)
    yield window
    assert [entry for entry in window.get_log("browser") if entry["level"] == "SEVERE"] == []
    window.quit()


@pytest.fixture
def mount_disk(tmp_path) -> Callable[[str], Path]:
    """Mount a file system of a size such as ``64k`` on a folder, for the caller to unmount."""

    def mount(size: str) -> Path:
        if not hasattr(os, "geteuid") or os.geteuid() != 0:
            pytest.skip("mounting needs root")
        folder = tmp_path / "disk"
        folder.mkdir()
        words = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        if subprocess.run(words, capture_output=True).returncode:
            pytest.skip("a small file system cannot be mounted here")
        return folder

    return mount


@dataclass(frozen=True)
class Run:
    """What one run of the real command gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out)


@pytest.fixture
def dynascene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs the real command line in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DYNASCENE_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("U2NET_HOME", str(tmp_path / "u2net"))

    def run(*words: object) -> Run:
        capsys.readouterr()
        code = main([str(word) for word in words])
        printed = capsys.readouterr()
        return Run(code, printed.out, printed.err)

    return run


@pytest.fixture(scope="session")
def person_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real person, small: twelve frames of the clip that ships with the package, 272 × 480."""
    clip = open_clip(DEMO_MEDIA / "gym.mp4")
    path = tmp_path_factory.mktemp("clips") / "person.mp4"
    with open_sink(path, width=272, height=480, frame_rate=clip.frame_rate) as sink:
        for frame in read_frames(clip, 0, 12):
            sink.write(resize_to_cover(frame, 272, 480))
    return path


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real place, small: the photo that ships with the package, 640 × 480."""
    path = tmp_path_factory.mktemp("photos") / "meadow.jpg"
    write_image(path, resize_to_cover(read_photo(DEMO_MEDIA / "picos.jpg").pixels, 640, 480))
    return path


@pytest.fixture(scope="session")
def drawn_clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A drawn figure that sways, 70 frames of 128 × 96, and the folder of its exact alphas."""
    folder = tmp_path_factory.mktemp("drawn")
    alphas = folder / "alphas"
    alphas.mkdir()
    rng = np.random.default_rng(0)
    wall = rng.integers(60, 90, (96, 128, 3), dtype=np.uint8)
    with open_sink(folder / "drawn.mp4", width=128, height=96, frame_rate=Fraction(24)) as sink:
        for index in range(70):
            x = round(64 + 6 * np.sin(index / 12))
            alpha = np.zeros((96, 128), np.uint8)
            cv2.circle(alpha, (x, 28), 7, 255, -1, cv2.LINE_AA)
            cv2.rectangle(alpha, (x - 8, 36), (x + 8, 86), 255, -1)
            mix = (alpha / 255.0)[..., None]
            frame = wall * (1 - mix) + np.array([190.0, 120.0, 90.0]) * mix
            sink.write(np.round(frame).astype(np.uint8))
            write_image(alphas / f"{index:05d}.png", alpha)
    return folder / "drawn.mp4", alphas
