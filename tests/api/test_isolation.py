"""What belongs to one user is out of another's reach: on every route, and in the database under it."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from psycopg import AsyncConnection, sql

from shared.models.accounts import ConnectedAccount
from shared.models.api import AuditOrigin, AuditState, ChangeKind
from shared.models.mail import AttachmentKind, MailAttachment, attachment_id_from, thread_id_from
from shared.storage.audits import begin_audit, end_audit
from shared.storage.database import Pool, user_transaction
from shared.storage.events import Event, append_events
from tests.api.conftest import SignedIn, connect
from tests.api.mailbox import folder_id, plain, save, save_folders
from tests.integration.mail import INBOX

SECRET: Final = "Quetzalcoatlus"
IN_PATH: Final = re.compile(r"{(\w+)}")
OF_OPERATORS: Final = "/operators/"  # for whom no user passes, the owner included: tests/api/test_operators.py
SIGNS_OUT: Final = {"/auth/logout", "/auth/refresh"}  # they know their user by the cookie alone
EXAMPLES: Final = {"uuid": str(UUID(int=7)), "email": "nobody@contoso.example", "date-time": "2026-01-01T00:00:00Z"}

Owner = AsyncConnection[tuple[Any, ...]]


@pytest.fixture
async def ids(app_pool: Pool, account: ConnectedAccount, user: SignedIn) -> dict[str, UUID]:
    """A user's mail; every text of it holds the secret. The ids are named as path parameters are."""
    await save_folders(app_pool, account)
    attachment = MailAttachment("1", AttachmentKind.FILE, f"{SECRET}.png", "image/png", 7, False, None)  # noqa: FBT003 - the model's order
    secret = plain(
        SECRET, text=SECRET, html=f"<p>{SECRET}</p>", preview=SECRET, failure=SECRET, attachments=[attachment]
    )
    (message_id,) = await save(app_pool, account, [secret])
    async with user_transaction(app_pool, user.id) as conn:
        await append_events(conn, user.id, [Event(ChangeKind.MESSAGE_CREATED, account.id, message_id=message_id)])
        audit_id = await begin_audit(conn, account, AuditOrigin.OWNER)
        await end_audit(conn, account, audit_id, AuditState.COMPLETED, report=SECRET)
    return {
        "account_id": account.id,
        "folder_id": folder_id(account, INBOX),
        "message_id": message_id,
        "thread_id": thread_id_from(account.id, f"thread of {SECRET}"),
        "attachment_id": attachment_id_from(message_id, "1"),
        "audit_id": audit_id,
    }


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if path not in SIGNS_OUT and not path.startswith(OF_OPERATORS)
    ]


def request_for(
    client: httpx.AsyncClient,
    document: dict[str, Any],
    method: str,
    path: str,
    operation: dict[str, Any],
    ids: dict[str, UUID],
) -> httpx.Request:
    """Fill in every id that an operation can take; a new path parameter has to be added to the fixture."""
    filled = IN_PATH.sub(lambda found: str(ids[found[1]]), path)
    params = {
        each["name"]: str(ids[each["name"]])
        for each in operation["parameters"]
        if each["in"] == "query" and each["name"] in ids
    }
    given = {each["name"] for each in operation["parameters"]}
    params |= {"q": SECRET} if "q" in given else {}
    params |= {"after": "0"} if path == "/changes" else {}
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    return client.build_request(
        method, filled, params=params, json=example(document, body) if body is not None else None
    )


def example(document: dict[str, Any], schema: dict[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    if "$ref" in schema:
        return example(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if schema.get("type") == "object":
        wanted = schema.get("required", [])
        return {name: example(document, schema["properties"][name]) for name in wanted}
    if schema.get("type") == "array":
        return []
    return EXAMPLES.get(schema.get("format", ""), "example text")


async def rows_of(owner: Owner, user: SignedIn) -> dict[str, list[Any]]:
    """Everything stored of a user, session rows apart."""
    found = {}
    for table in await tables_of_users(owner):
        statement = sql.SQL("SELECT t::text FROM {} AS t WHERE user_id = %s ORDER BY 1").format(sql.Identifier(table))
        found[table] = await (await owner.execute(statement, [user.id])).fetchall()
    return found


async def tables_of_users(owner: Owner) -> list[str]:
    names = await owner.execute(
        """SELECT table_name FROM information_schema.columns
            WHERE table_schema = 'public' AND column_name = 'user_id' AND table_name <> 'user_session'"""
    )
    return [row[0] for row in await names.fetchall()]


async def test_a_stranger_reaches_nothing_on_any_route(
    user: SignedIn, stranger: SignedIn, ids: dict[str, UUID], owner: Owner
) -> None:
    document = (await user.api.get("/openapi.json")).json()
    before = await rows_of(owner, user)
    assert all(before[table] for table in ("account", "message", "message_body", "attachment", "event"))
    for method, path, operation in operations(document):
        answer = await stranger.api.send(request_for(stranger.api, document, method, path, operation, ids))
        where = f"{method} {path}: {answer.status_code} {answer.text}"
        assert answer.status_code < 500, where
        if IN_PATH.search(path):
            assert answer.status_code == 404, where
        for trace in (SECRET, user.email, *map(str, ids.values())):
            assert trace not in answer.text, where
    assert await rows_of(owner, user) == before


async def test_the_same_requests_show_the_owner_their_mail(user: SignedIn, ids: dict[str, UUID]) -> None:
    """Else the test above would prove nothing."""
    document = (await user.api.get("/openapi.json")).json()
    shown = []
    for method, path, operation in operations(document):
        if method == "get" and "attachments" not in path:
            answer = await user.api.send(request_for(user.api, document, method, path, operation, ids))
            assert answer.status_code in (200, 302), f"{path}: {answer.text}"
            shown += [path] if SECRET in answer.text or str(ids["account_id"]) in answer.text else []
    assert {
        "/accounts",
        "/accounts/{account_id}",
        "/accounts/{account_id}/audits",
        "/accounts/{account_id}/audits/{audit_id}",
        "/accounts/{account_id}/audits/{audit_id}/report",
        "/accounts/{account_id}/folders",
        "/accounts/{account_id}/problems",
        "/accounts/{account_id}/sync",
        "/changes",
        "/messages",
        "/messages/{message_id}",
        "/threads/{thread_id}",
    } == set(shown)


async def test_no_route_but_the_open_ones_answers_without_a_token(
    anonymous: httpx.AsyncClient, ids: dict[str, UUID]
) -> None:
    document = (await anonymous.get("/openapi.json")).json()
    for method, path, operation in operations(document):
        answer = await anonymous.send(request_for(anonymous, document, method, path, operation, ids))
        assert (answer.status_code == 401) == bool(operation["security"]) or path == "/auth/login", f"{method} {path}"


@pytest.fixture
async def as_app(app_pool: Pool, stranger: SignedIn) -> AsyncIterator[AsyncConnection[Any]]:
    """A transaction of the application's role for another user."""
    async with user_transaction(app_pool, stranger.id) as conn:
        yield conn


async def test_a_query_without_where_sees_ones_own_rows_only(
    as_app: AsyncConnection[Any], ids: dict[str, UUID], app_pool: Pool, user: SignedIn, owner: Owner
) -> None:
    assert ids
    for table in [*await tables_of_users(owner), "user_session"]:
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
        others = sql.SQL("SELECT count(*) FROM {} WHERE user_id <> %s").format(sql.Identifier(table))
        async with user_transaction(app_pool, user.id) as conn:
            assert await (await conn.execute(others, [user.id])).fetchone() == (0,), table
            own = await (await conn.execute(query)).fetchone()
        stored = sql.SQL("SELECT count(*) FROM {} WHERE user_id = %s").format(sql.Identifier(table))
        assert own == await (await owner.execute(stored, [user.id])).fetchone(), table
        if table != "user_session":
            assert await (await as_app.execute(query)).fetchone() == (0,), table
    assert len(await (await as_app.execute("SELECT id FROM app_user")).fetchall()) == 1


async def test_nobody_in_particular_sees_nothing(app_pool: Pool, ids: dict[str, UUID], owner: Owner) -> None:
    assert ids
    async with app_pool.connection() as conn:
        for table in [*await tables_of_users(owner), "user_session", "app_user"]:
            query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
            assert await (await conn.execute(query)).fetchone() == (0,), table


async def test_rows_of_another_cannot_be_written_changed_or_deleted(
    as_app: AsyncConnection[Any], user: SignedIn, stranger: SignedIn, ids: dict[str, UUID]
) -> None:
    changed = await as_app.execute("UPDATE message SET is_read = true WHERE id = %s", [ids["message_id"]])
    deleted = await as_app.execute("DELETE FROM message WHERE id = %s", [ids["message_id"]])
    assert (changed.rowcount, deleted.rowcount) == (0, 0)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with as_app.transaction():
            await as_app.execute(
                "INSERT INTO sync_run (id, user_id, account_id) VALUES (%s, %s, %s)",
                [uuid4(), user.id, ids["account_id"]],
            )
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with as_app.transaction():
            await as_app.execute("UPDATE app_user SET id = %s WHERE id = %s", [user.id, stranger.id])


async def test_the_applications_role_cannot_step_around_row_level_security(app_pool: Pool, owner: Owner) -> None:
    role = await owner.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = 'mail_app'")
    assert await role.fetchone() == (False, False)
    unprotected = await owner.execute(
        """SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
            WHERE nspname = 'public' AND relkind = 'r' AND NOT relrowsecurity AND relname <> 'schema_migrations'"""
    )
    assert await unprotected.fetchall() == []
    async with app_pool.connection() as conn:
        for attempt in (b"ALTER TABLE message DISABLE ROW LEVEL SECURITY", b"SET ROLE mail_owner"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                async with conn.transaction():
                    await conn.execute(attempt)


async def test_a_user_id_set_for_one_transaction_is_gone_in_the_next(app_pool: Pool, user: SignedIn) -> None:
    async with app_pool.connection() as conn:
        async with conn.transaction():
            await conn.execute("SELECT set_config('app.user_id', %s, true)", [str(user.id)])
            assert await (await conn.execute("SELECT count(*) FROM app_user")).fetchone() == (1,)
        assert await (await conn.execute("SELECT count(*) FROM app_user")).fetchone() == (0,)


async def test_search_looks_through_ones_own_mail_only(
    app_pool: Pool, user: SignedIn, stranger: SignedIn, ids: dict[str, UUID]
) -> None:
    theirs = await connect(app_pool, stranger)
    await save_folders(app_pool, theirs)
    (found,) = await save(app_pool, theirs, [plain("theirs", text=SECRET)])
    answer = (await stranger.api.get("/messages", params={"q": SECRET})).json()
    assert [item["id"] for item in answer["items"]] == [str(found)]
    mine = (await user.api.get("/messages", params={"q": SECRET})).json()
    assert [item["id"] for item in mine["items"]] == [str(ids["message_id"])]
    assert json.dumps(mine).count(str(found)) == 0
