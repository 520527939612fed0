"""A company leaves: nothing of it may be left, and nothing of another company may be missing."""

import hashlib
from base64 import b64encode
from typing import ClassVar, Final

import psycopg
from azure.storage.blob import BlobServiceClient
from psycopg import sql

from dev.chaos.mailbox_faults import subscriptions_of
from dev.person import Person
from dev.rehearsals.checks import mirror_objections
from dev.rehearsals.rehearsal import Rehearsal, Scene
from dev.trial import ADDRESS, TrialFailed

TENANT: Final = "fabrikam.example"
LEAVERS: Final = ("ada@fabrikam.example", "grace@fabrikam.example")
FEW: Final = 60
SHARED: Final = b"a letterhead that two companies have"
OWN: Final = b"minutes of a board"


class TenantOffboarding(Rehearsal):
    """
    Three people: one of the company alone, one who has a mailbox there and one elsewhere, and one of another company.

    They opened attachments, one of which both companies have.
    """

    page: ClassVar[str] = "tenant-offboarding"

    def __init__(self) -> None:
        self._of_both: Person
        self._leaver: Person
        self._kept_account = ""
        self._gone_accounts: list[str] = []
        self._gone_users: list[str] = []

    def strike(self, scene: Scene, messages: int) -> None:
        trial, admin = scene.trial, scene.trial.simulator.admin
        scene.fill_and_connect(FEW)
        _send_file(scene, ADDRESS, SHARED)
        self._leaver, self._of_both = (scene.somebody(email) for email in ("ada@home.example", "grace@home.example"))
        for person, address in zip((self._leaver, self._of_both), LEAVERS, strict=True):
            admin.create_user(address, tenant=TENANT)
            admin.make_synthetic(address, messages, folders=["inbox", "archive"], seed=6)
            self._gone_accounts.append(person.connect(address))
        admin.create_user("grace@contoso.example")
        admin.make_synthetic("grace@contoso.example", FEW, folders=["inbox"], seed=7)
        self._kept_account = self._of_both.connect("grace@contoso.example")
        live = "SELECT count(*) FROM account JOIN subscription ON account_id = id WHERE state = 'live'"
        trial.until("all are live", lambda: trial.query(live) == [(4,)], 180)
        for content in (SHARED, OWN):
            _send_file(scene, LEAVERS[0], content)
        for person, files in ((trial.person, 1), (self._leaver, 2)):
            _open_all(scene, person, files)
        self._gone_users = [str(row[0]) for row in trial.query("SELECT id FROM app_user WHERE email LIKE 'ada%%'")]
        if not all(_is_stored(scene, content) for content in (SHARED, OWN)):
            raise TrialFailed("attachments were not kept")

    def objections(self, scene: Scene) -> list[str]:
        admin = scene.trial.simulator.admin
        watched = [f"{address} is still subscribed to" for address in LEAVERS if subscriptions_of(admin, address)]
        against = [*watched, *self._rows_left(scene), *self._blobs_wrong(scene)]
        self._of_both.sign_up()
        return [
            *against,
            *mirror_objections(scene, self._of_both, "grace@contoso.example", self._kept_account),
            *mirror_objections(scene, scene.trial.person, ADDRESS, scene.trial.account_id),
        ]

    def _rows_left(self, scene: Scene) -> list[str]:
        """Look through every table and every column that names a user or an account."""
        columns = """
            SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables
             USING (table_schema, table_name)
             WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND data_type = 'uuid'
        """
        gone = [*self._gone_accounts, *self._gone_users]
        question = sql.SQL("SELECT count(*) FROM {table} WHERE {column} = ANY(%s::uuid[])")
        against = []
        with psycopg.connect(scene.trial.urls.owner_url) as conn:
            for table, column in conn.execute(columns).fetchall():
                asked = question.format(table=sql.Identifier(table), column=sql.Identifier(column))
                row = conn.execute(asked, [gone]).fetchone()
                if row is None or row[0]:
                    against.append(f"rows in {table} name the company by {column}: {row}")
        return against

    def _blobs_wrong(self, scene: Scene) -> list[str]:
        against = ["a content of the company's is still stored"] if _is_stored(scene, OWN) else []
        return against if _is_stored(scene, SHARED) else [*against, "a content that others have is gone"]


def _send_file(scene: Scene, address: str, content: bytes) -> None:
    attachment = {
        "@odata.type": "#microsoft.graph.fileAttachment",
        "name": "file.txt",
        "contentType": "text/plain",
        "contentBytes": b64encode(content).decode(),
    }
    scene.trial.simulator.admin.deliver(address, {"subject": "A file for you", "attachments": [attachment]})


def _open_all(scene: Scene, person: Person, files: int) -> None:
    scene.trial.until("the files are here", lambda: _open_files(person) == files)


def _open_files(person: Person) -> int:
    """Open the attachments that were sent; return how many there are."""
    opened = 0
    for found in person.ask("/messages", q="file", has_attachments="true", limit=20)["items"]:
        for attachment in person.ask(f"/messages/{found['id']}")["attachments"]:
            if attachment["name"] == "file.txt":
                person.http.get(f"/messages/{found['id']}/attachments/{attachment['id']}").raise_for_status()
                opened += 1
    return opened


def _is_stored(scene: Scene, content: bytes) -> bool:
    with BlobServiceClient.from_connection_string(scene.trial.azurite_ports.connection_string) as blobs:
        return blobs.get_blob_client("attachments", hashlib.sha256(content).hexdigest()).exists()
