//! Uploaded files: stored once, served for good without a token (contract 5.4).

use serde_json::{Value, json};

use super::call::{Answer, Body, Call, Outcome, Upload};
use super::show_conversations as show;
use super::world::{Blob, World};

/// Keeps a file and returns its signed id.
fn store(world: &mut World, upload: &Upload) -> String {
    let signed_id = format!("{}--{}", world.draw_token(), world.draw_token());
    let blob = Blob {
        filename: if upload.filename.is_empty() { "file".to_owned() } else { upload.filename.clone() },
        content_type: sniffed(upload),
        bytes: upload.bytes.clone(),
    };
    world.blobs.insert(signed_id.clone(), blob);
    signed_id
}

/// What Chatwoot's storage finds in the first bytes, else what the part said.
fn sniffed(upload: &Upload) -> String {
    match upload.bytes.as_ref() {
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => "audio/x-wav".to_owned(),
        [b'I', b'D', b'3', ..] | [0xFF, 0xFB | 0xF3 | 0xF2, ..] => "audio/mpeg".to_owned(),
        [0x89, b'P', b'N', b'G', ..] => "image/png".to_owned(),
        _ => upload.content_type.clone(),
    }
}

/// How Chatwoot calls a type of file: the part's own word decides.
fn file_type(content_type: &str) -> &'static str {
    if content_type.contains("audio/") {
        "audio"
    } else if content_type.contains("image/") {
        "image"
    } else if content_type.contains("video/") {
        "video"
    } else {
        "file"
    }
}

/// The files of a message: parts of a form, or the signed ids of files uploaded before.
pub(super) fn of_message(world: &mut World, call: &Call) -> Result<Vec<(String, String)>, Answer> {
    let mut files = Vec::new();
    for value in call.value("attachments").and_then(Value::as_array).into_iter().flatten() {
        let found = value.as_str().and_then(|id| world.blobs.get_key_value(id));
        let (id, blob) = found.ok_or_else(|| Answer::error(422, "mismatched digest"))?;
        files.push((id.clone(), file_type(&blob.content_type).to_owned()));
    }
    for upload in call.uploads.iter().filter(|upload| matches!(upload.field.as_str(), "attachments[]" | "attachments"))
    {
        files.push((store(world, upload), file_type(&upload.content_type).to_owned()));
    }
    Ok(files)
}

/// `POST upload`.
pub(super) fn upload(world: &mut World, call: &Call) -> Outcome {
    let upload = call.uploads.iter().find(|upload| upload.field == "attachment");
    let upload = upload.ok_or_else(|| Answer::error(422, "No file or URL provided"))?;
    let id = store(world, upload);
    Ok(Answer::json(json!({ "file_url": show::data_url(world, &id), "blob_id": id })))
}

/// `GET /rails/active_storage/blobs/redirect/:id/:name`: on to where the bytes are.
pub(super) fn redirect(world: &mut World, call: &Call) -> Outcome {
    let id = call.part(0);
    let blob = world.blobs.get(id).ok_or_else(Answer::no_page)?;
    let place = format!("{}/rails/active_storage/disk/{id}/{}", world.base_url, blob.filename);
    Ok(Answer::new(302, Body::Redirect(place)))
}

/// `GET /rails/active_storage/disk/:id/:name`: the bytes.
pub(super) fn bytes(world: &mut World, call: &Call) -> Outcome {
    let blob = world.blobs.get(call.part(0)).ok_or_else(Answer::no_page)?;
    Ok(Answer::new(200, Body::File(blob.bytes.clone(), blob.content_type.clone())))
}
