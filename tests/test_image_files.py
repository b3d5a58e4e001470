"""Promises of mlp.image_files: any PNG, JPEG or IDX is read as a person sees it, anything else is named."""

import numpy as np
import pytest
from PIL import Image

from mlp import idx, image_files
from mlp.errors import InputError

DRAWN = np.zeros((6, 5), np.uint8)
DRAWN[1:5, 2] = 200


def only(path):
    (image,) = image_files.read(path)
    assert image.name == str(path)
    return image.grey


def test_grey_colour_palette_bits_and_16_bits_are_brightness(tmp_path):
    grey = Image.fromarray(255 - DRAWN)
    for mode in ("L", "RGB", "P", "RGBA", "LA"):
        grey.convert(mode).save(tmp_path / f"{mode}.png")
        np.testing.assert_allclose(only(tmp_path / f"{mode}.png"), 255 - DRAWN, atol=1)
    grey.convert("1", dither=Image.Dither.NONE).save(tmp_path / "1.png")
    np.testing.assert_array_equal(only(tmp_path / "1.png"), np.where(DRAWN, 0, 255))
    Image.fromarray((255 - DRAWN.astype(np.uint16)) * 257).save(tmp_path / "16.png")
    np.testing.assert_array_equal(only(tmp_path / "16.png"), (255.0 - DRAWN) * 257)


def test_a_jpeg_is_read_and_turned_as_its_camera_was(tmp_path):
    image = Image.new("RGB", (60, 30), "white")
    image.paste("black", (0, 0, 30, 30))  # the left half
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise, so that the left is on top
    image.save(tmp_path / "photo.jpg", exif=exif, quality=95)
    grey = only(tmp_path / "photo.jpg")
    assert grey.shape == (60, 30)
    assert grey[:28].max() < 30
    assert grey[32:].min() > 225


@pytest.mark.parametrize("ink", ["white", "black"])
def test_ink_on_glass_is_seen_whatever_its_colour(ink, tmp_path):
    image = Image.new("RGBA", (5, 6), (0, 0, 0, 0) if ink == "black" else (255, 255, 255, 0))
    image.paste(Image.new("RGBA", (1, 4), ink), (2, 1))
    image.save(tmp_path / "glass.png")
    grey = only(tmp_path / "glass.png").astype(float)
    assert (np.abs(grey - grey[0, 0]) > 200).tolist() == (DRAWN > 0).tolist()


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_all_images_of_an_idx_file_in_their_order(name, tmp_path):
    idx.write(tmp_path / name, np.arange(24, dtype=np.uint8).reshape(2, 4, 3))
    images = list(image_files.read(tmp_path / name))
    assert [image.name for image in images] == [f"{tmp_path / name}[{k}]" for k in (0, 1)]
    np.testing.assert_array_equal(images[1].grey, np.arange(12, 24).reshape(4, 3))


def broken_png(folder):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40), np.uint8)).save(folder / "a.png")
    return (folder / "a.png").read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda folder: b"%PDF-1.7", "neither PNG, JPEG nor IDX"),
        (lambda folder: b"", "neither PNG, JPEG nor IDX"),
        (lambda folder: broken_png(folder)[:300], "damaged PNG"),
        (lambda folder: broken_png(folder)[:20], "damaged PNG"),
        (lambda folder: b"\x89PNG\r\n\x1a\n" + bytes(50), "damaged PNG"),
        (lambda folder: b"\xff\xd8\xff\xe0" + bytes(50), "damaged JPEG"),
        (lambda folder: b"\0\0\x08\x03" + bytes(3), "x: "),
    ],
    ids=["pdf", "empty", "cut", "cut-in-its-head", "zeros", "jpeg-of-zeros", "idx"],
)
def test_what_is_no_image_is_named(content, message, tmp_path):
    (tmp_path / "x").write_bytes(content(tmp_path))
    with pytest.raises(InputError, match=message) as error:
        list(image_files.read(tmp_path / "x"))
    assert str(error.value).startswith(str(tmp_path / "x"))


def test_a_missing_file_a_folder_and_labels_are_named(tmp_path):
    idx.write(tmp_path / "labels", np.arange(3, dtype=np.uint8))
    for name, message in (("none", "no such file"), ("", str(tmp_path)), ("labels", r"no images in it.*\(3,\)")):
        with pytest.raises(InputError, match=message):
            list(image_files.read(tmp_path / name))


def test_a_picture_with_more_pixels_than_memory_is_refused(tmp_path, monkeypatch):
    Image.new("1", (20, 20)).save(tmp_path / "x.png")
    monkeypatch.setattr(image_files, "MOST_PIXELS", 399)
    with pytest.raises(InputError, match="20 by 20 pixels: at most 399"):
        list(image_files.read(tmp_path / "x.png"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(InputError, match="scale it down"):
        list(image_files.read(tmp_path / "x.png"))
