import weakref

from dynascene_cli.video import decode_frames


def test_few_frames_are_held_at_a_time(dynascene, drawn_clip, photo, monkeypatch):
    clip, alphas = drawn_clip
    held: weakref.WeakSet[object] = weakref.WeakSet()
    counts = []

    def counted(clip):
        for frame in decode_frames(clip):
            held.add(frame)
            counts.append(len(held))
            yield frame

    monkeypatch.setattr("dynascene_cli.pipeline.composite.decode_frames", counted)
    run = dynascene("render", clip, "--scene", photo, "--camera", "truck-left", "--matte", alphas)
    assert run.code == 0, run.err
    assert len(counts) > 30
    assert max(counts) < 12
