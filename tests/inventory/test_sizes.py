import pytest

from tasks.inventory.sizes import Size


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("8gb", 8 * 1024**3),
        ("512m", 512 * 1024**2),
        ("1.5 GiB", 3 * 1024**3 // 2),
        ("2097152", 2 * 1024**2),
        ("1T", 1024**4),
    ],
)
def test_a_size_prints_as_it_was_typed_and_has_dockers_bytes(text, count):
    assert str(Size(text)) == text and Size(text).bytes == count


@pytest.mark.parametrize("text", ["", "gb", "8xb", "-8gb", "8 gb gb", "16", "1e3", "٨gb", "2000tb", "9" * 40])
def test_anything_that_is_not_a_size_is_refused(text):
    with pytest.raises(ValueError):
        Size(text)
