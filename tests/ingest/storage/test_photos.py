"""Photos of devices: kept beside the journal, one each, and nothing that is no picture."""

import asyncio
from pathlib import Path

import pytest

from gateway.ingest.storage import photos as module
from gateway.ingest.storage.database import DatabaseFault
from gateway.ingest.storage.photos import PhotoRefused, Photos, TakenPhoto, media_type

JPEG, PNG, WEBP = b"\xff\xd8\xff\xe0 a photo", b"\x89PNG\r\n\x1a\n a photo", b"RIFF\x10\0\0\0WEBP a photo"


def photos(folder: Path, min_free_bytes: int = 0) -> Photos:
    return Photos(folder / "journal.db", min_free_bytes)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(JPEG, "image/jpeg", id="jpeg"),
        pytest.param(PNG, "image/png", id="png"),
        pytest.param(WEBP, "image/webp", id="webp"),
        pytest.param(b"RIFF\x10\0\0\0WAVE", None, id="a-sound"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", None, id="svg-may-hold-scripts"),
        pytest.param(b"GIF89a", None, id="gif"),
        pytest.param(b"", None, id="nothing"),
    ],
)
def test_a_picture_is_known_by_its_first_bytes(body: bytes, kind: str | None) -> None:
    assert media_type(body) == kind


def test_a_photo_outlives_the_gateway_and_is_replaced_and_removed(tmp_path: Path) -> None:
    async def story() -> None:
        assert await photos(tmp_path).of("wm-1") is None
        assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == [], "without photos there is no file"
        await photos(tmp_path).put("wm-1", JPEG, 1)
        again = photos(tmp_path)
        assert await again.put("wm-1", PNG, 2) == TakenPhoto(1, len(JPEG))
        assert (await again.of("wm-1"), await again.get("wm-1")) == (TakenPhoto(2, len(PNG)), PNG)
        assert await again.remove("wm-1") == TakenPhoto(2, len(PNG))
        assert (await again.get("wm-1"), await photos(tmp_path).of("wm-1")) == (None, None)
        assert await again.remove("wm-1") is None

    asyncio.run(story())


def test_an_eui_has_one_photo_in_whatever_writing(tmp_path: Path) -> None:
    async def story() -> bytes | None:
        await photos(tmp_path).put("24-E1-24-13-6D-00-00-01", JPEG, 1)
        return await photos(tmp_path).get("24e124136d000001")

    assert asyncio.run(story()) == JPEG


def test_what_is_no_picture_or_has_no_room_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        kept = photos(tmp_path)
        with pytest.raises(PhotoRefused, match="no picture"):
            await kept.put("wm-1", b"<html>", 1)
        await kept.put("wm-1", JPEG, 1)
        monkeypatch.setattr(module, "ALL_MAX_BYTES", len(JPEG) + 1)
        with pytest.raises(PhotoRefused, match="all photos"):
            await kept.put("wm-2", JPEG, 1)
        await kept.put("wm-1", JPEG, 2)  # in the place of the one before
        with pytest.raises(PhotoRefused, match="min_free_bytes"):
            await photos(tmp_path, 2**62).put("wm-1", JPEG, 3)

    asyncio.run(story())


def test_a_damaged_file_costs_the_photos_and_says_which_it_is(tmp_path: Path) -> None:
    (tmp_path / "photos.db").write_bytes(b"no database" * 100)

    async def story() -> None:
        assert await photos(tmp_path).of("wm-1") is None
        with pytest.raises(DatabaseFault, match=r"photos\.db"):
            await photos(tmp_path).put("wm-1", JPEG, 1)

    asyncio.run(story())
