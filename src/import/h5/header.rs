//! Object headers of version 1: the messages of a group or a data set.

use super::bytes::{Bytes, Wrong};

/// Messages of one object; Keras writes fewer than twenty.
const MOST_MESSAGES: usize = 4096;
/// Blocks of one object's messages.
const MOST_BLOCKS: usize = 64;

pub(super) const DATASPACE: u16 = 0x0001;
pub(super) const DATATYPE: u16 = 0x0003;
pub(super) const LAYOUT: u16 = 0x0008;
pub(super) const FILTERS: u16 = 0x000b;
pub(super) const SYMBOL_TABLE: u16 = 0x0011;
const CONTINUATION: u16 = 0x0010;

/// One message: its type, and where its data are.
#[derive(Clone, Copy)]
pub(super) struct Message {
    pub kind: u16,
    pub at: u64,
}

/// All messages of the object at `at`, continuation blocks included.
pub(super) fn messages(file: Bytes<'_>, at: u64) -> Result<Vec<Message>, Wrong> {
    if file.u8(at)? != 1 {
        return Err(format!(
            "the object at byte {at} has no version 1 header; save the file with h5py's default settings"
        ));
    }
    let count = usize::from(file.u16(at + 2)?);
    if count > MOST_MESSAGES {
        return Err(format!("the object at byte {at} has {count} messages, at most {MOST_MESSAGES} are read"));
    }
    let mut found = Vec::new();
    // The prefix of 12 bytes is padded to 16.
    let mut blocks = vec![(at + 16, u64::from(file.u32(at + 8)?))];
    let mut next = 0;
    while let Some((start, len)) = blocks.get(next).copied() {
        next += 1;
        file.slice(start, len)?;
        let mut place = start;
        while found.len() < count && start + len - place >= 8 {
            let (kind, size) = (file.u16(place)?, u64::from(file.u16(place + 2)?));
            let message = Message { kind, at: place + 8 };
            if size > start + len - message.at {
                return Err(format!("the message at byte {place} is longer than its block"));
            }
            if kind == CONTINUATION {
                if blocks.len() == MOST_BLOCKS {
                    return Err(format!("the object at byte {at} has more than {MOST_BLOCKS} blocks"));
                }
                blocks.push((file.u64(message.at)?, file.u64(message.at + 8)?));
            }
            found.push(message);
            place = message.at + size;
        }
    }
    Ok(found)
}

/// The message of a kind, if there is one.
pub(super) fn find(messages: &[Message], kind: u16) -> Option<Message> {
    messages.iter().copied().find(|m| m.kind == kind)
}
