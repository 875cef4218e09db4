//! What Chatwoot knows of phone numbers, and where calls stand there.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::Value;

use super::entity::{ContactIdRow, ContactRow, LinkRow};
use super::session::{ROWS_MAX, Session, micros, tuples, values};
use super::{InboxLink, KnownContact, StoreError};
use crate::ids::CallId;
use crate::phone_number::PhoneNumber;

pub(super) async fn find(session: &Session<'_>, phone: &PhoneNumber) -> Result<Option<KnownContact>, StoreError> {
    let sql = "SELECT name, blocked, contact_id FROM contacts WHERE phone = $1";
    let row: Option<ContactRow> = session.row("find the contact", sql, values![phone.as_e164()]).await?;
    Ok(row.map(|row| KnownContact {
        phone: phone.clone(),
        name: row.name,
        blocked: row.blocked == 1,
        contact_id: row.contact_id,
    }))
}

pub(super) async fn note_made(session: &Session<'_>, contact_id: i64, at: DateTime<Utc>) -> Result<(), StoreError> {
    let sql = "INSERT INTO made_contacts (contact_id, at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    session.run("note the contact", sql, values![contact_id, micros(at)]).await?;
    Ok(())
}

/// One after the other as far as anybody can tell: the last word on a number, and on a contact, stays.
pub(super) async fn note(session: &Session<'_>, contacts: &[KnownContact]) -> Result<(), StoreError> {
    for contacts in contacts.chunks(ROWS_MAX) {
        let mut last: BTreeMap<&str, &KnownContact> = BTreeMap::new();
        for contact in contacts {
            last.retain(|_, kept| kept.contact_id != contact.contact_id);
            last.insert(contact.phone.as_e164(), contact);
        }
        let mut ids: Vec<i64> = contacts.iter().map(|contact| contact.contact_id).collect();
        ids.sort_unstable();
        ids.dedup();
        // Numbers too: one that was given to a contact and taken again within these is nobody's.
        let mut numbers: Vec<&str> = contacts.iter().map(|contact| contact.phone.as_e164()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        for (column, values) in [
            ("contact_id", ids.into_iter().map(Value::from).collect::<Vec<_>>()),
            ("phone", numbers.into_iter().map(Value::from).collect()),
        ] {
            let sql = format!("DELETE FROM contacts WHERE {column} IN {}", tuples(1, values.len()));
            session.run("forget old numbers", sql, values).await?;
        }
        let mut values: Vec<Value> = Vec::with_capacity(last.len() * 4);
        for contact in last.values() {
            values.extend(values![
                contact.phone.as_e164(),
                contact.name.clone(),
                i64::from(contact.blocked),
                contact.contact_id
            ]);
        }
        let sql = format!(
            "INSERT INTO contacts (phone, name, blocked, contact_id) VALUES {} ON CONFLICT (phone) DO UPDATE SET \
             name = excluded.name, blocked = excluded.blocked, contact_id = excluded.contact_id",
            tuples(last.len(), 4)
        );
        session.run("save the contacts", sql, values).await?;
    }
    Ok(())
}

pub(super) async fn forget(session: &Session<'_>, contact_id: i64) -> Result<(), StoreError> {
    session.run("forget the contact", "DELETE FROM contacts WHERE contact_id = $1", values![contact_id]).await?;
    Ok(())
}

pub(super) async fn list_ids(session: &Session<'_>, after: i64, limit: u32) -> Result<Vec<i64>, StoreError> {
    let sql = "SELECT contact_id FROM contacts WHERE contact_id > $1 ORDER BY contact_id LIMIT $2";
    let rows: Vec<ContactIdRow> = session.rows("list the contacts", sql, values![after, i64::from(limit)]).await?;
    Ok(rows.into_iter().map(|row| row.contact_id).collect())
}

pub(super) async fn find_link(session: &Session<'_>, call: CallId) -> Result<Option<InboxLink>, StoreError> {
    let sql = "SELECT contact_id, conversation_id FROM inbox_links WHERE call_id = $1";
    let row: Option<LinkRow> = session.row("find the conversation", sql, values![call.to_string()]).await?;
    Ok(row.map(|row| InboxLink { contact_id: row.contact_id, conversation_id: row.conversation_id }))
}

pub(super) async fn save_link(session: &Session<'_>, call: CallId, link: InboxLink) -> Result<(), StoreError> {
    let sql = "INSERT INTO inbox_links (call_id, contact_id, conversation_id) VALUES ($1, $2, $3) ON CONFLICT (call_id) \
        DO UPDATE SET contact_id = excluded.contact_id, conversation_id = excluded.conversation_id";
    session.run("save the conversation", sql, values![call.to_string(), link.contact_id, link.conversation_id]).await?;
    Ok(())
}
