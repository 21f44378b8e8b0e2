"""The script that counts how the house is built."""

from pathlib import Path

from tests import house


def test_layers_back_edges_and_circles_are_counted() -> None:
    assert house.shape({"a": {"b"}, "b": {"c"}, "c": set()}) == (3, 0, 0)
    assert house.shape({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == (3, 1, 2)


def test_an_entry_is_a_file_or_a_folder_of_the_package(tmp_path: Path) -> None:
    (tmp_path / "app" / "room").mkdir(parents=True)
    (tmp_path / "app" / "one.py").write_text("from .room import deep\nimport app.two, os\n")
    (tmp_path / "app" / "two.py").write_text("")
    (tmp_path / "app" / "room" / "deep.py").write_text("from app.two import x\n")
    found = house.arrows(tmp_path / "app", tmp_path)
    assert found == {"one": {"room", "two"}, "two": set(), "room": {"two"}}
