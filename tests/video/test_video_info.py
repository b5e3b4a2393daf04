import json
from fractions import Fraction

import pytest
from video_media import numbered_frame, write_video

from dynascene_cli.commands.info import info
from dynascene_cli.errors import InputError
from dynascene_cli.video import open_clip


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


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("ffconcat version 1.0\nfile {other}\n", "ffconcat playlist"),
        ("\ufeff\nffconcat version 1.0\nfile {other}\n", "ffconcat playlist"),
        ("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{other}\n#EXT-X-ENDLIST\n", "M3U playlist"),
        ("v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n", "session description"),
    ],
)
@pytest.mark.parametrize("name", ["clip.mp4", "clip.m3u8", "clip.ffconcat", "clip.sdp", "clip.png"])
def test_what_names_other_files_is_refused(tmp_path, name, content, kind):
    other = tmp_path / "other.mp4"
    write_video(other, [numbered_frame(index) for index in range(3)])
    path = tmp_path / name
    path.write_text(content.format(other=other.name), encoding="utf-8")
    with pytest.raises(InputError, match=kind) as refused:
        open_clip(path)
    assert name in refused.value.message
