"""Microsoft's own SDK as its documentation has it: a `PageIterator` over pages of 100, rows through SQLAlchemy."""

import asyncio

import httpx
from kiota_abstractions.authentication import AnonymousAuthenticationProvider
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.message import Message
from msgraph.generated.users.item.mail_folders.item.messages.messages_request_builder import MessagesRequestBuilder
from msgraph.graph_request_adapter import options
from msgraph_core import GraphClientFactory
from msgraph_core.tasks.page_iterator import PageIterator
from sqlalchemy import Boolean, DateTime, Text, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from benchmarks.contestants.task import FIELDS, FOLDERS, IMMUTABLE, Task, perform

PER_COMMIT = 100
Query = MessagesRequestBuilder.MessagesRequestBuilderGetQueryParameters
Configuration = MessagesRequestBuilder.MessagesRequestBuilderGetRequestConfiguration


class Base(DeclarativeBase):
    pass


class Stored(Base):
    __tablename__ = "msgraph_sdk"
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    received_at: Mapped[object] = mapped_column(DateTime(timezone=True))
    subject: Mapped[str | None] = mapped_column(Text)
    sender: Mapped[str | None] = mapped_column(Text)
    is_read: Mapped[bool | None] = mapped_column(Boolean)
    has_attachments: Mapped[bool | None] = mapped_column(Boolean)
    html: Mapped[str | None] = mapped_column(Text)


def sync(task: Task) -> int:
    engine = create_engine(task.database.replace("postgresql://", "postgresql+psycopg://", 1))
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        return asyncio.run(_sync(task, session))


async def _sync(task: Task, session: Session) -> int:
    headers = {"Authorization": f"Bearer {task.token}", "Prefer": IMMUTABLE}
    plain = httpx.AsyncClient(headers=headers, verify=task.ca, trust_env=False, timeout=60)
    async with GraphClientFactory.create_with_default_middleware(client=plain, options=options) as http:
        adapter = GraphRequestAdapter(AnonymousAuthenticationProvider(), client=http)
        adapter.base_url = task.graph
        graph = GraphServiceClient(request_adapter=adapter)
        saved = 0

        def save(message: Message) -> bool:
            nonlocal saved
            session.merge(_row(message))
            saved += 1
            if saved % PER_COMMIT == 0:
                session.commit()
            return True

        for folder in FOLDERS:
            query = Query(top=PER_COMMIT, select=FIELDS.split(","))
            messages = graph.me.mail_folders.by_mail_folder_id(folder).messages
            page = await messages.get(Configuration(query_parameters=query))
            await PageIterator(page, adapter).iterate(save)
            session.commit()
    return saved


def _row(message: Message) -> Stored:
    return Stored(
        id=message.id,
        received_at=message.received_date_time,
        subject=message.subject,
        sender=message.sender.email_address.address if message.sender and message.sender.email_address else None,
        is_read=message.is_read,
        has_attachments=message.has_attachments,
        html=message.body.content if message.body else None,
    )


if __name__ == "__main__":
    perform(sync)
