//! Steps of a trace that draft, publish and mark rules.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use offhook::ids::DraftId;
use offhook::store::{DraftSave, NewVersion, Store};

use super::subject::show;
use super::trace::Op;

fn draft_id(n: u32) -> DraftId {
    DraftId(uuid::Uuid::from_u64_pair(0x0190_0000_0000_7000, 0x8000_0000_0000_1000 | u64::from(n)))
}

/// What the step gave on its first line, and below what there is now.
pub async fn step(store: &Arc<dyn Store>, op: &Op, now: DateTime<Utc>) -> String {
    let told = match op {
        Op::Publish { ahead, draft } => publish(store, *ahead, *draft, now).await,
        Op::Draft { n, revision, how } => draft(store, *n, *revision, *how, now).await,
        Op::Mark { version, broken } => {
            show(store.mark_rules(*version, broken.then_some("line 3: what is this"), "offhook 0.1.0", now).await)
        }
        _ => unreachable!("answered elsewhere"),
    };
    let mut told = vec![told];
    told.push(show(store.find_newest_rules().await));
    told.push(show(store.find_current_rules().await));
    told.push(show(store.list_rules(None, 2).await));
    told.push(show(store.list_rules(Some(2), 2).await));
    told.push(show(store.list_drafts(2).await));
    // Row numbers may differ.
    let lines = store.list_audit(None, 3).await.unwrap();
    let shown =
        lines.iter().map(|line| format!("{} {} {} {} {}", line.at, line.by, line.action, line.subject, line.detail));
    told.extend(shown);
    if let Some(first) = lines.first() {
        told.push(store.list_audit(Some(first.id), 1).await.unwrap().len().to_string());
    }
    told.join("\n")
}

async fn publish(store: &Arc<dyn Store>, ahead: u32, draft: Option<(u32, u32)>, now: DateTime<Utc>) -> String {
    let newest = store.find_newest_rules().await.unwrap().map_or(0, |head| head.version);
    // Mostly the next number; at times one that is taken or too high.
    let version = if ahead == 2 { newest.max(1) } else { newest + 1 + ahead };
    let new = NewVersion {
        version,
        base: (newest > 0).then_some(newest),
        body: format!("version = {version}"),
        by: "Sam Carter".to_owned(),
        note: (ahead == 0).then(|| "Sunday hours".to_owned()),
        rolled_back_from: (newest > 2).then_some(1),
        draft: draft.map(|(n, revision)| (draft_id(n), revision)),
    };
    show(store.publish(new, now).await)
}

async fn draft(store: &Arc<dyn Store>, n: u32, revision: u32, how: u32, now: DateTime<Utc>) -> String {
    let id = draft_id(n);
    let save = DraftSave {
        name: format!("Draft {how}"),
        body: format!("# {n} {how}"),
        base: how,
        by: ["Ines Okafor", "Priya Nair"][usize::try_from(how % 2).unwrap()].to_owned(),
    };
    let is_there = store.find_draft(id).await.unwrap().is_some();
    match how {
        0..2 if !is_there => show(store.create_draft(id, save, now).await),
        4 if revision > 1 => show(store.delete_draft(id, revision, "Priya Nair", now).await),
        _ => show(store.save_draft(id, revision, save, now).await),
    }
}
