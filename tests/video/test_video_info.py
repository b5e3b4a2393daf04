import json
from fractions import Fraction

from video_media import numbered_frame, write_video

from dynascene_cli.commands.info import info


def test_info_as_text_and_json(tmp_path, capsys):
    path = write_video(
        tmp_path / "a.mov",
        [numbered_frame(index) for index in range(48)],
        rate=Fraction(24000, 1001),
        rotation=90,
    )
    info(str(path))
    text = capsys.readouterr().out
    assert "64x96, turned by 90°, 8 bits, h264" in text.replace("turned by 90.0", "turned by 90")
    assert "23.976 fps (24000/1001)" in text
    assert "48 frames, 2.002 s" in text
    info(str(path), as_json=True)
    data = json.loads(capsys.readouterr().out)
    assert data["fps_fraction"] == [24000, 1001]
    assert (data["width"], data["height"], data["frames"]) == (64, 96, 48)
    assert (data["matrix"], data["transfer"], data["audio"]) == ("bt709", "sdr", False)
