import pytest
from pages import TOP, page, pages


@pytest.mark.parametrize("here", pages(), ids=lambda here: here.name)
def test_links_lead_to_files_and_headings(here):
    assert here.anchors
    for target in here.links:
        file, _, anchor = target.partition("#")
        there = (here.path.parent / file).resolve() if file else here.path
        assert there.is_relative_to(TOP) and there.exists(), f"{here.name}: {target}"
        if anchor:
            assert anchor in page(there).anchors, f"{here.name}: {target}"


def test_every_page_is_in_the_sites_contents():
    listed = (TOP / "mkdocs.yml").read_text()
    for file in (TOP / "docs").glob("*.md"):
        assert f"- {file.name}\n" in listed
