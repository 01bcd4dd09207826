"""Decoded images and headers against PIL, and against what was encoded."""

import io
import os
import struct

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from multibox.errors import DataError
from multibox.images.decode import IMAGE_SUFFIXES, exif_orientation, image_size, read_image
from multibox.size import Size


def smooth(width=96, height=64, channels=3):
    coarse = np.random.default_rng(0).integers(0, 256, (6, 8, channels), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def opened(data):
    return Image.open(io.BytesIO(data))


def over_white(rgba):
    """PIL's composite over white, an independent implementation."""
    rgba = rgba.convert("RGBA")
    return np.asarray(Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB"))


def largest_difference(a, b):
    assert a.shape == b.shape
    return int(np.abs(a.astype(int) - b.astype(int)).max())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1"])
def test_color_gray_palette_and_one_bit_against_pil(kind, mode):
    """Images of each format and mode against PIL's decoder, to one level."""
    image = Image.fromarray(smooth())
    image = image.quantize(64) if mode == "P" else image.convert(mode)
    if kind == "JPEG" and mode == "P":
        pytest.skip("JPEG has no palette")
    data = encoded(image, kind)
    assert largest_difference(read_image(data), np.asarray(opened(data).convert("RGB"))) <= 1


def test_gif_gives_its_first_frame():
    """A GIF of two frames against its first frame."""
    first, second = (Image.fromarray(image).quantize(64) for image in (smooth(), 255 - smooth()))
    data = encoded(first, "GIF", save_all=True, append_images=[second])
    assert largest_difference(read_image(data), np.asarray(first.convert("RGB"))) == 0


@pytest.mark.parametrize("adobe", [True, False])
def test_cmyk_jpeg_with_and_without_the_adobe_marker_against_pil(adobe):
    """A CMYK JPEG, inverted as Adobe writes it, and the same bytes without the marker, against PIL."""
    data = encoded(Image.fromarray(smooth()).convert("CMYK"), "JPEG", quality=95)
    if not adobe:
        start = data.index(b"\xff\xee")
        data = data[:start] + data[start + 2 + int.from_bytes(data[start + 2 : start + 4], "big") :]
    assert largest_difference(read_image(data), np.asarray(opened(data).convert("RGB"))) <= 1
    assert np.abs(read_image(data).astype(int) - smooth()).mean() < 3


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_transparency_is_composed_over_white(kind):
    """RGBA against PIL's composite over white."""
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(Image.fromarray(smooth(channels=4)), kind, **options)
    assert largest_difference(read_image(data), over_white(opened(data))) <= 1


@pytest.mark.parametrize("mode", ["P", "LA", "RGB"])
def test_transparent_png_of_other_kinds_against_pil(mode):
    """A transparent palette entry, gray with alpha and a transparent color against PIL's composite over white."""
    image = Image.fromarray(smooth(channels=4))
    if mode == "LA":
        data = encoded(image.convert("LA"), "PNG")
    elif mode == "P":
        data = encoded(Image.fromarray(smooth()).quantize(16), "PNG", transparency=3)
    else:
        data = encoded(Image.fromarray(smooth()), "PNG", transparency=tuple(smooth()[0, 0].tolist()))
    assert largest_difference(read_image(data), over_white(opened(data))) <= 1


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_are_divided_by_257_to_the_nearest(suffix, channels):
    """Every 16-bit value in a file against the division in floating point."""
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    stored = values if channels == 1 else np.dstack([values, values[::-1], values.T])
    data = cv2.imencode(suffix, stored)[1].tobytes()
    expected = np.rint(values / 257).astype(np.uint8)
    expected = np.dstack([expected] * 3) if channels == 1 else np.dstack([expected.T, expected[::-1], expected])
    np.testing.assert_array_equal(read_image(data), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation_is_applied_as_pil_does(kind, orientation, tmp_path):
    """The eight EXIF orientations in four formats against PIL's exif_transpose, the header against the value."""
    exif = Image.Exif()
    exif[274] = orientation
    path = tmp_path / f"turned.{kind.lower()}"
    path.write_bytes(encoded(Image.fromarray(smooth()), kind, exif=exif))
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    assert largest_difference(read_image(path), expected) <= 1
    assert exif_orientation(path) == orientation
    assert image_size(path) == (Size(64, 96) if orientation < 5 else Size(96, 64))


@pytest.mark.parametrize("order", ["<", ">"])
def test_orientation_in_both_byte_orders(order, tmp_path):
    """A hand-made EXIF block, little and big endian, behind other segments, against the value in it."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    block = b"Exif\0\0" + mark + struct.pack(order + "IHHHIHHI", 8, 1, 274, 3, 1, 6, 0, 0)
    data = encoded(Image.fromarray(smooth()), "JPEG")
    comment = b"\xff\xfe\0\4hi" + b"\xff\xff"  # a fill byte before the next marker
    app1 = b"\xe1" + struct.pack(">H", len(block) + 2) + block
    path = tmp_path / "a.jpg"
    path.write_bytes(data[:2] + comment + app1 + data[2:])
    assert exif_orientation(path) == 6
    assert read_image(path).shape == (96, 64, 3)


@pytest.mark.parametrize("cut", [3, 40, 700, 0.5, 0.99, -1])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"])
def test_a_file_cut_off_is_refused(kind, cut, tmp_path):
    """Files of each format cut at the start, in the middle and before the last byte: DataError with their name."""
    data = encoded(Image.fromarray(np.random.default_rng(1).integers(0, 256, (60, 80, 3), dtype=np.uint8)), kind)
    if kind == "GIF" and cut == -1:
        pytest.skip("only the trailer is missing, the image is whole")
    path = tmp_path / f"cut.{kind.lower()}"
    path.write_bytes(data[: int(cut * len(data)) if isinstance(cut, float) else cut])
    with pytest.raises(DataError, match=rf"cannot decode .*cut\.{kind.lower()}: .*; "):
        read_image(path)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_filled_up_with_zeros_is_cut_off_and_one_with_extra_bytes_is_not(progressive):
    """A truncated JPEG padded with zeros is refused, even with a complete thumbnail; trailing bytes are not."""
    data = encoded(Image.fromarray(smooth(400, 300)), "JPEG", quality=95, progressive=progressive)
    thumbnail = b"\xff\xe1" + struct.pack(">H", 8) + b"\xff\xd9\xff\xd9\xff\xd9"
    half = len(data) // 2
    with pytest.raises(DataError, match="it is truncated"):
        read_image(data[:2] + thumbnail + data[2:half] + bytes(half))
    np.testing.assert_array_equal(read_image(data + bytes(100) + b"tail"), read_image(data))


def test_sources_that_are_not_images(tmp_path):
    """Missing, empty, text, HEIC, float and unknown files, a folder and wrong arrays: one line with the reason."""
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "page.jpg").write_text("<html>404</html>")
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(50))
    (tmp_path / "a.tif").write_bytes(cv2.imencode(".tiff", np.zeros((4, 4, 3), np.float32))[1].tobytes())
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY" + bytes(50))
    broken = bytearray(encoded(Image.fromarray(smooth()), "PNG"))
    broken[40:200] = bytes(160)
    cases = {
        "missing.jpg": "no such file",
        "empty.jpg": "empty",
        "page.jpg": "contains text",
        "a.heic": "HEIC",
        "a.tif": "float32",
        "a.npy": "not a known image format",
    }
    for name, reason in cases.items():
        with pytest.raises(DataError, match=rf"{name}.*{reason}"):
            read_image(tmp_path / name)
    for source, reason in [
        (tmp_path, "directory"),
        (bytes(broken), "damaged"),
        (np.zeros((4, 5)), "float64"),
        (np.zeros((3, 4, 5), np.uint8), "shape"),
        (np.zeros((0, 5, 3), np.uint8), "shape"),
        ([1, 2], "list"),
    ]:
        with pytest.raises(DataError, match=reason) as caught:
            read_image(source)
        assert "\n" not in str(caught.value)


def test_arrays_and_pil_images():
    """Arrays and PIL images in memory against the same pixels; an RGB array is returned itself."""
    rgb, rgba = smooth(), smooth(channels=4)
    assert read_image(rgb) is rgb
    np.testing.assert_array_equal(read_image(rgb[:, :, 0]), np.dstack([rgb[:, :, 0]] * 3))
    np.testing.assert_array_equal(read_image(rgb.astype(np.uint16) * 257), rgb)
    np.testing.assert_array_equal(read_image(rgb.astype(">u2") * 257), rgb)
    assert largest_difference(read_image(rgba), over_white(Image.fromarray(rgba))) <= 1
    np.testing.assert_array_equal(read_image(np.array([[True, False]])), [[[255] * 3, [0] * 3]])
    for mode in ("RGB", "L", "LA", "RGBA", "P", "1", "CMYK", "YCbCr"):
        image = Image.fromarray(rgba).convert("RGB").convert(mode) if mode not in ("LA", "RGBA") else None
        image = image or Image.fromarray(rgba).convert(mode)
        assert largest_difference(read_image(image), over_white(image)) <= 1, mode


@pytest.mark.parametrize("reduce", [2, 4, 8])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_reduced_images_have_the_size_rounded_up_and_the_same_look(kind, reduce):
    """A reduced image against the mean of each square of pixels; the last squares repeat the border."""
    data = encoded(Image.fromarray(smooth(401, 303)), kind, quality=95)
    small = read_image(data, reduce=reduce)
    assert small.shape == (-(-303 // reduce), -(-401 // reduce), 3)
    filled = np.pad(read_image(data).astype(float), [(0, -303 % reduce), (0, -401 % reduce), (0, 0)], mode="edge")
    average = filled.reshape(small.shape[0], reduce, small.shape[1], reduce, 3).mean((1, 3))
    assert np.abs(small - average).mean() < 1


def test_reduce_takes_only_four_values():
    """A reduction by 3 against ValueError."""
    with pytest.raises(ValueError, match="reduce is 3"):
        read_image(smooth(), reduce=3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "lossless", "alpha", "TIFF", "BMP", "GIF", "JPEG2000", "PPM"])
def test_size_from_the_header_against_the_decoded_image(kind, tmp_path):
    """The size in each format against the encoded image, also for formats whose header is not parsed."""
    image = Image.fromarray(smooth(77, 41, 4 if kind == "alpha" else 3))
    path = tmp_path / "image"
    webp = kind in ("lossless", "alpha")
    path.write_bytes(encoded(image, "WEBP" if webp else kind, **({"lossless": kind == "lossless"} if webp else {})))
    assert image_size(path) == Size(41, 77)
    assert exif_orientation(path) == 1


def test_size_of_a_missing_file_and_of_no_image(tmp_path):
    """Size and orientation of a missing file and size of a text against DataError; the orientation of a text is 1."""
    (tmp_path / "a.jpg").write_text("hello")
    for question in (image_size, exif_orientation):
        with pytest.raises(DataError, match="no such file"):
            question(tmp_path / "missing.jpg")
    with pytest.raises(DataError, match="not a known image format"):
        image_size(tmp_path / "a.jpg")
    assert exif_orientation(tmp_path / "a.jpg") == 1
    assert ".jpg" in IMAGE_SUFFIXES


def test_pipes_and_devices_are_refused(tmp_path):
    """A pipe without a writer and an endless device: an error, without waiting."""
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    for name in ("pipe.png", "zero.png"):
        for read in (read_image, image_size, exif_orientation):
            with pytest.raises(DataError, match=rf"{name}: it is a pipe, a socket or a device"):
                read(tmp_path / name)
