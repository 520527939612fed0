"""What may change of a message after its delivery, written without the rest."""

import json
from uuid import UUID

from shared.models.accounts import ConnectedAccount
from shared.models.mail import MailMessage, folder_id_from, message_id_from
from shared.storage.database import Connection


async def apply_header_change(conn: Connection, account: ConnectedAccount, message: MailMessage) -> UUID | None:
    """
    Carry a change of read state, flag, categories, importance or classification into a message's row.

    Return the message's id, or None when nothing was written, which says only that the message has to be fetched to
    know: it is not stored, is a draft, is somewhere else, was changed later or at the same second, or differs in
    something that its header does not explain.
    """
    sql = """
        UPDATE message
           SET is_read = %(is_read)s,
               flag = %(flag)s::flag_status,
               flag_dates = %(flag_dates)s::jsonb,
               categories = %(categories)s::jsonb,
               importance = %(importance)s::importance,
               inference_classification = %(inference_classification)s,
               change_key = %(change_key)s,
               last_modified_at = %(last_modified_at)s,
               saved_at = clock_timestamp()
         WHERE id = %(message_id)s
           AND user_id = %(user_id)s
           AND deleted_at IS NULL
           AND failure IS NULL
           AND NOT is_draft
           AND NOT %(is_draft)s
           AND folder_id = %(folder_id)s
           AND subject = %(subject)s
           AND preview = %(preview)s
           AND has_attachments = %(has_attachments)s
           AND change_key <> %(change_key)s
           AND last_modified_at < %(last_modified_at)s
           AND (is_read, flag, flag_dates, categories, importance, inference_classification)
               IS DISTINCT FROM (%(is_read)s, %(flag)s::flag_status, %(flag_dates)s::jsonb, %(categories)s::jsonb,
                                 %(importance)s::importance, %(inference_classification)s)
        RETURNING id
    """
    params = {
        "message_id": message_id_from(account.id, message.provider_message_id),
        "user_id": account.user_id,
        "folder_id": folder_id_from(account.id, message.provider_folder_id),
        "is_read": message.is_read,
        "flag": message.flag.value,
        "flag_dates": json.dumps(message.flag_dates) if message.flag_dates else None,
        "categories": json.dumps(list(message.categories)),
        "importance": message.importance.value,
        "inference_classification": message.inference_classification,
        "change_key": message.change_key,
        "last_modified_at": message.last_modified_at,
        "is_draft": message.is_draft,
        "subject": message.subject,
        "preview": message.preview,
        "has_attachments": message.has_attachments,
    }
    row = await (await conn.execute(sql, params)).fetchone()
    return row[0] if row else None
