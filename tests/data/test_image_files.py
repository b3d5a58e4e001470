"""Promises of mlp.data.image_files and picture_decoder: images are read as people see them; else an error."""

import errno
import io
import re
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from mlp import idx
from mlp.data import image_files, picture_decoder
from mlp.system.errors import InputError

DRAWN = np.zeros((6, 5), np.uint8)
DRAWN[1:5, 2] = 200


def only(path):
    (image,) = image_files.read(path, pytest.fail)
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


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_as_pillow_turns_it(orientation, tmp_path):
    drawn = np.arange(48, dtype=np.uint8).reshape(8, 6) * 5
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(drawn).save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as image:
        np.testing.assert_array_equal(only(tmp_path / "turned.png"), np.asarray(ImageOps.exif_transpose(image)))


@pytest.mark.parametrize("kind", ["BMP", "GIF", "WEBP", "TIFF", "PPM", "PNG", "JPEG"])
def test_the_content_decides_what_a_file_is(kind, tmp_path):
    """Not its name. The first of several frames is read."""
    frames = [Image.fromarray(np.kron(drawn, np.ones((8, 8), np.uint8))) for drawn in (255 - DRAWN, DRAWN)]
    more = {"save_all": True, "append_images": frames[1:]} if kind in ("GIF", "WEBP", "TIFF") else {}
    exact = {"lossless": True} if kind == "WEBP" else {"quality": 100} if kind == "JPEG" else {}
    frames[0].save(tmp_path / "picture.dat", kind, **more, **exact)
    np.testing.assert_allclose(only(tmp_path / "picture.dat"), np.asarray(frames[0]), atol=2)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\0\0\0\x24ftypheic", "a HEIC picture"),
        (b"\0\0\0\x1cftypmif1", "a HEIC picture"),
        (b"\0\0\0\x20ftypavif", "an AVIF picture"),
        (b"\0\0\0\x18ftypmp42", "an MP4 video"),
        (b"\0\0\0\x14ftypqt  ", "a QuickTime video"),
        (b"\0\0\1\0\1\0", "an ICO icon"),
        (b"%PDF-1.7", "a PDF document"),
        (b"PK\3\4", "a ZIP archive"),
        (b"<svg xmlns", "an SVG drawing"),
        (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
        (b"8BPS", "a Photoshop picture"),
    ],
)
def test_a_file_of_another_kind_is_named_with_a_cure(head, name, tmp_path):
    (tmp_path / "x.png").write_bytes(head + bytes(40))
    with pytest.raises(InputError) as error:
        list(image_files.read(tmp_path / "x.png", pytest.fail))
    assert str(error.value) == f"{tmp_path / 'x.png'}: {name}, which cannot be read: save it as PNG or JPEG"


@pytest.mark.parametrize("ink", ["white", "black"])
def test_ink_on_a_transparent_picture_is_seen_in_any_colour(ink, tmp_path):
    image = Image.new("RGBA", (5, 6), (0, 0, 0, 0) if ink == "black" else (255, 255, 255, 0))
    image.paste(Image.new("RGBA", (1, 4), ink), (2, 1))
    image.save(tmp_path / "glass.png")
    grey = only(tmp_path / "glass.png").astype(float)
    assert (np.abs(grey - grey[0, 0]) > 200).tolist() == (DRAWN > 0).tolist()


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_all_images_of_an_idx_file_in_their_order(name, tmp_path):
    idx.write(tmp_path / name, np.arange(24, dtype=np.uint8).reshape(2, 4, 3))
    images = list(image_files.read(tmp_path / name, pytest.fail))
    assert [image.name for image in images] == [f"{tmp_path / name}[{k}]" for k in (0, 1)]
    np.testing.assert_array_equal(images[1].grey, np.arange(12, 24).reshape(4, 3))


def broken_png(folder):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40), np.uint8)).save(folder / "a.png")
    return (folder / "a.png").read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda folder: b"some words", "not an image: it must be PNG, .* or IDX: save it as PNG or JPEG"),
        (lambda folder: b"", "an empty file"),
        (lambda folder: b"\0", "x: "),
        (lambda folder: broken_png(folder)[:300], "damaged PNG"),
        (lambda folder: broken_png(folder)[:20], "damaged PNG"),
        (lambda folder: b"\x89PNG\r\n\x1a\n" + bytes(50), "damaged PNG"),
        (lambda folder: b"\xff\xd8\xff\xe0" + bytes(50), "damaged JPEG"),
        (lambda folder: b"\0\0\x08\x03" + bytes(3), "x: "),
    ],
    ids=["text", "empty", "one-byte", "cut", "cut-in-its-head", "zeros", "jpeg-of-zeros", "idx"],
)
def test_a_file_that_is_not_an_image_is_named(content, message, tmp_path):
    (tmp_path / "x").write_bytes(content(tmp_path))
    with pytest.raises(InputError, match=message) as error:
        list(image_files.read(tmp_path / "x", pytest.fail))
    assert str(error.value).startswith(str(tmp_path / "x"))


def test_the_pictures_in_a_folder_are_read(tmp_path):
    for name in ("b.png", "a.JPG", ".hidden.png", "._b.png", "notes.txt", "c"):
        Image.fromarray(DRAWN).save(tmp_path / name, "JPEG" if name == "a.JPG" else "PNG")
    (tmp_path / "notes.txt").write_text("words")
    (tmp_path / "d.heic").write_bytes(b"nothing")
    (tmp_path / "below").mkdir()
    Image.fromarray(DRAWN).save(tmp_path / "below" / "e.png")
    assert [file.name for file in image_files.files_of(tmp_path)] == ["a.JPG", "b.png", "c", "d.heic"]
    assert image_files.files_of(tmp_path / "b.png") == [tmp_path / "b.png"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty: a folder without pictures"):
        image_files.files_of(tmp_path / "empty")


def test_a_missing_file_and_labels_are_named(tmp_path):
    idx.write(tmp_path / "labels", np.arange(3, dtype=np.uint8))
    for name, message in (("none", "no such file"), ("labels", r"no images in it.*\(3,\)")):
        with pytest.raises(InputError, match=message):
            list(image_files.read(tmp_path / name, pytest.fail))


@pytest.mark.parametrize("size", [(50_000_000, 1), (1, 70_000), (8000, 7000)], ids=str)
def test_a_picture_too_large_for_memory_is_refused_before_it_is_unpacked(size, tmp_path, monkeypatch):
    """A PNG of 48 KB can hold 50,000,000 by 1 pixels. Only its head is written here: the rest is not read."""
    head = b"IHDR" + struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0)
    chunks = struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    data = b"IDAT" + zlib.compress(b"")
    (tmp_path / "x.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunks + struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
    )
    with pytest.raises(InputError, match=f"{size[1]:,} by {size[0]:,} pixels: .*: scale it down"):
        list(image_files.read(tmp_path / "x.png", pytest.fail))


def test_a_picture_that_pillow_refuses_and_a_large_idx_image_are_refused_too(tmp_path, monkeypatch):
    Image.new("1", (20, 20)).save(tmp_path / "x.png")
    idx.write(tmp_path / "wide", np.zeros((1, 1, 70_000), np.uint8))
    with pytest.raises(InputError, match=r"1 by 70,000 pixels: .*: scale it down"):
        list(image_files.read(tmp_path / "wide", pytest.fail))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(InputError, match=r"too many pixels .*: scale it down"):
        list(image_files.read(tmp_path / "x.png", pytest.fail))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16", "F"])
def test_a_large_picture_is_made_smaller_as_it_is_read(mode, tmp_path, monkeypatch):
    """By averages, band by band; no row is read twice or left out."""
    monkeypatch.setattr(picture_decoder, "KEPT_PIXELS", 200)
    monkeypatch.setattr(picture_decoder, "BAND_PIXELS", 60)
    drawn = np.random.default_rng(0).integers(0, 256, (37, 29)).astype(np.uint8)
    image = Image.fromarray(drawn.astype({"I;16": np.uint16, "F": np.float32}.get(mode, np.uint8)))
    image = image if mode in ("I;16", "F") else image.convert(mode)
    if mode == "RGBA":
        image.putpixel((0, 0), (0, 0, 0, 0))  # transparent: as white as paper
        drawn[0, 0] = 255
    image.save(tmp_path / "x.tif")
    expected = [[drawn[r : r + 3, c : c + 3].mean() for c in range(0, 29, 3)] for r in range(0, 37, 3)]
    np.testing.assert_allclose(only(tmp_path / "x.tif"), expected, atol=1e-3)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e200])
def test_the_place_of_a_pixel_that_is_not_a_number_is_named(wrong, tmp_path):
    images = np.zeros((2, 3, 4))
    images[1, 2, 3] = wrong
    idx.write(tmp_path / "images", images)
    first, second = image_files.read(tmp_path / "images", pytest.fail)
    first.check_brightness()
    image_files.GreyImage(tmp_path, None, np.ones((2, 2), np.float32)).check_brightness()  # without a warning
    with pytest.raises(InputError, match=re.escape(f"row 2, column 3 is {wrong}, must be a number")):
        second.check_brightness()


def test_a_failure_of_the_system_is_not_reported_as_a_damaged_file(tmp_path, monkeypatch):
    Image.fromarray(DRAWN).save(tmp_path / "x.png")

    def fails(*_, **__):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Image, "open", fails)
    with pytest.raises(OSError, match="Input/output error"):
        list(image_files.read(tmp_path / "x.png", pytest.fail))


def test_a_small_tiff_with_one_enormous_tile_is_refused_before_it_is_unpacked(tmp_path):
    """100 by 100 pixels may lie in a tile of 20,000 by 20,000, which libtiff unpacks whole."""
    Image.new("RGB", (100, 100)).save(tmp_path / "x.tif", compression="tiff_lzw", tiffinfo={278: 100})
    content = (tmp_path / "x.tif").read_bytes()
    start = struct.unpack("<I", content[4:8])[0]
    count = struct.unpack("<H", content[start : start + 2])[0]
    entries = [content[start + 2 + 12 * k : start + 14 + 12 * k] for k in range(count)]
    strips = {273: 324, 279: 325}  # the tags of strips, and of tiles
    tiled = [struct.pack("<H", strips.get(tag := struct.unpack("<H", each[:2])[0], tag)) + each[2:] for each in entries]
    tiled = [each for each in tiled if each[:2] != struct.pack("<H", 278)]
    tiled += [struct.pack("<HHII", tag, 4, 1, 20_000) for tag in (322, 323)]
    directory = struct.pack("<H", len(tiled)) + b"".join(sorted(tiled, key=lambda each: each[1::-1])) + bytes(4)
    (tmp_path / "x.tif").write_bytes(content[:4] + struct.pack("<I", len(content)) + content[8:] + directory)
    with pytest.raises(
        InputError, match=r"x.tif: reading it takes 1,200,\d+,\d+ bytes of memory.*: save it as a smaller PNG"
    ):
        list(image_files.read(tmp_path / "x.tif", pytest.fail))


def test_a_progressive_jpeg_and_an_idx_image_that_need_much_memory_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(picture_decoder, "MAX_DECODING_BYTES", 1000)
    picture = Image.new("RGB", (15, 15))
    picture.save(tmp_path / "x.jpg")
    assert only(tmp_path / "x.jpg").shape == (15, 15)  # 900 bytes
    picture.save(tmp_path / "x.jpg", progressive=True)
    idx.write(tmp_path / "images", np.zeros((1, 10, 10)))
    for name, size in (("x.jpg", "1,350"), ("images", "1,100")):
        with pytest.raises(InputError, match=f"{name}: reading it takes {size} bytes"):
            list(image_files.read(tmp_path / name, pytest.fail))


@pytest.mark.parametrize(
    "head", [bytes(132) + b"DICM", bytes(500), b"\0\0\2\0" + bytes(40)], ids=["dicom", "zeros", "tga"]
)
def test_other_files_that_begin_with_zeros_are_not_reported_as_damaged_idx(head, tmp_path):
    (tmp_path / "x").write_bytes(head)
    with pytest.raises(InputError, match="x: not an image: it must be"):
        list(image_files.read(tmp_path / "x", pytest.fail))


DAMAGED_EXIF = [b"Exif\0\0" + b"\xff" * 50, b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01"]


@pytest.mark.parametrize("exif", DAMAGED_EXIF, ids=["no TIFF", "cut off"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_with_damaged_exif_data_is_read_with_a_warning(kind, exif, tmp_path, capfd, injected):
    Image.fromarray(255 - DRAWN).convert("RGB").save(tmp_path / "x", kind, exif=exif, quality=95, lossless=True)
    messages = []
    (image,) = image_files.read(tmp_path / "x", messages.append)
    np.testing.assert_allclose(image.grey, 255 - DRAWN, atol=60)
    if kind != "JPEG" or exif != DAMAGED_EXIF[0]:  # Pillow ignores these
        assert messages == [
            f"{tmp_path / 'x'}: its EXIF data, which say how the camera was held, are damaged: it may lie on its side"
        ]
    assert capfd.readouterr() == ("", "")
    injected("pictures with damaged EXIF data")


@pytest.mark.trials(20, 600)
def test_damage_that_a_decoder_finds_is_reported_in_our_words(trial, tmp_path, capfd, injected):
    """Libtiff prints to stderr itself."""
    options = [{"format": "TIFF", "compression": "tiff_lzw"}, {"format": "JPEG"}, {"format": "PNG"}, {"format": "TIFF"}]
    exif = Image.Exif()
    exif[0x0112] = 6
    stream, random = io.BytesIO(), np.random.default_rng(trial)
    Image.fromarray(np.kron(DRAWN, np.ones((9, 9), np.uint8))).save(stream, **options[trial % 4], exif=exif)
    content = np.frombuffer(stream.getvalue(), np.uint8).copy()
    content[random.integers(12, len(content), 3)] = random.integers(0, 256, 3)
    (tmp_path / "x").write_bytes(content)
    messages = []
    try:
        list(image_files.read(tmp_path / "x", messages.append))
    except InputError as error:
        messages.append(str(error))
    assert capfd.readouterr() == ("", "")
    assert all(message.startswith(f"{tmp_path / 'x'}: ") for message in messages)
    injected("damaged pictures")
