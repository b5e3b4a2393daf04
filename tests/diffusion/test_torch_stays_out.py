import subprocess
import sys


def test_a_render_by_projection_imports_no_torch(drawn_clip, photo, tmp_path):
    clip, alphas = drawn_clip
    words = ["render", clip, "--scene", photo, "--camera", "dolly-in", "--matte", alphas]
    words += ["--end", "0.1", "--renderer", "projection", "-o", tmp_path / "out.mp4"]
    program = (
        "import sys\n"
        "from dynascene_cli.app import main\n"
        f"print(main({[str(word) for word in words]!r}))\n"
        "print([name for name in ('torch', 'diffusers', 'transformers') if name in sys.modules])\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path
    )
    assert run.stdout.splitlines()[-2:] == ["0", "[]"], run.stderr
