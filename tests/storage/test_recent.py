"""Values that are kept in memory for a while."""

from dynascene_cli.storage.recent import Recent


def test_what_was_asked_for_the_longest_ago_gives_way():
    made = []

    def make(key):
        made.append(key)
        return key.upper()

    kept = Recent(2)
    for key in "abacab":
        assert kept.get_or_make(key, lambda key=key: make(key)) == key.upper()
    assert made == ["a", "b", "c", "b"]
    assert list(kept) == ["a", "b"]
