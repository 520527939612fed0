"""Attachments' content in Blob storage: one blob per content, named by its SHA-256."""

from typing import Final

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob.aio import BlobServiceClient

CONTAINER: Final = "attachments"


async def read_content(blobs: BlobServiceClient, sha256: bytes) -> bytes | None:
    """Get a content; None when nobody stored it."""
    try:
        stream = await blobs.get_blob_client(CONTAINER, sha256.hex()).download_blob()
        return await stream.readall()
    except ResourceNotFoundError:
        return None


async def store_content(blobs: BlobServiceClient, sha256: bytes, content: bytes) -> None:
    """Store a content under its name; another copy of it is as good."""
    try:
        await _upload(blobs, sha256, content)
    except ResourceNotFoundError:
        await _create_container(blobs)
        await _upload(blobs, sha256, content)


async def _upload(blobs: BlobServiceClient, sha256: bytes, content: bytes) -> None:
    try:
        await blobs.get_blob_client(CONTAINER, sha256.hex()).upload_blob(content)
    except ResourceExistsError:
        return


async def _create_container(blobs: BlobServiceClient) -> None:
    try:
        await blobs.create_container(CONTAINER)
    except ResourceExistsError:
        return
