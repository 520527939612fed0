"""Attachments' content in Blob storage: one blob per content, named by its SHA-256."""

from collections.abc import AsyncIterator
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


async def list_contents(blobs: BlobServiceClient) -> AsyncIterator[list[bytes]]:
    """Give the names of all stored contents, some thousands at a time."""
    try:
        async for page in blobs.get_container_client(CONTAINER).list_blob_names().by_page():
            yield [bytes.fromhex(name) async for name in page]
    except ResourceNotFoundError:  # nobody has opened an attachment yet
        return


async def delete_content(blobs: BlobServiceClient, sha256: bytes) -> None:
    """Delete a content; it may be gone already."""
    try:
        await blobs.get_blob_client(CONTAINER, sha256.hex()).delete_blob()
    except ResourceNotFoundError:
        return


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
