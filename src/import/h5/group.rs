//! Groups: a B-tree of symbol nodes whose entries name objects, the names in a local heap.

use super::bytes::{Bytes, Wrong};
use super::header::{Message, SYMBOL_TABLE, find, messages};

/// Objects of a whole file; a Larq Zoo file has a few hundred.
const MOST_OBJECTS: usize = 16_384;
/// B-tree nodes of all groups together.
const MOST_NODES: usize = 65_536;
/// Groups inside one another; Keras nests three or four.
const DEEPEST: usize = 16;

/// One data set: its path, without a leading slash, and its messages.
pub(super) struct Object {
    pub path: String,
    pub messages: Vec<Message>,
}

/// All data sets under the group at `root`, in the order of their names.
pub(super) fn datasets(file: Bytes<'_>, root: u64) -> Result<Vec<Object>, Wrong> {
    let (mut found, mut seen, mut nodes) = (Vec::new(), 0, 0);
    let mut open = vec![(String::new(), root, 0)];
    while let Some((path, at, depth)) = open.pop() {
        seen += 1;
        if seen > MOST_OBJECTS || depth > DEEPEST {
            return Err(format!("has more than {MOST_OBJECTS} objects or groups nested deeper than {DEEPEST}"));
        }
        let messages = messages(file, at)?;
        match find(&messages, SYMBOL_TABLE) {
            None => found.push(Object { path, messages }),
            Some(table) => {
                for (name, at) in entries(file, table, &mut nodes)? {
                    let path = if path.is_empty() { name } else { format!("{path}/{name}") };
                    open.push((path, at, depth + 1));
                }
            }
        }
        if open.len() > MOST_OBJECTS {
            return Err(format!("has more than {MOST_OBJECTS} objects"));
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Names and headers of a group's members.
fn entries(file: Bytes<'_>, table: Message, seen: &mut usize) -> Result<Vec<(String, u64)>, Wrong> {
    let (tree, heap) = (file.u64(table.at)?, file.u64(table.at + 8)?);
    file.expect(heap, b"HEAP")?;
    let (size, names) = (file.u64(heap + 8)?, file.u64(heap + 24)?);
    file.slice(names, size)?;
    let mut found = Vec::new();
    let mut nodes = vec![tree];
    while let Some(at) = nodes.pop() {
        *seen += 1;
        if *seen > MOST_NODES || nodes.len() > MOST_NODES {
            return Err(format!("has groups of more than {MOST_NODES} tree nodes"));
        }
        if file.slice(at, 4)? == b"SNOD" {
            symbols(file, at, (names, names + size), &mut found)?;
            continue;
        }
        file.expect(at, b"TREE")?;
        if file.u8(at + 4)? != 0 {
            return Err(format!("the tree at byte {at} is not one of a group"));
        }
        // Keys and children take turns, a key first.
        let children = u64::from(file.u16(at + 6)?);
        for i in 0..children {
            nodes.push(file.u64(at + 24 + 16 * i + 8)?);
        }
    }
    Ok(found)
}

fn symbols(file: Bytes<'_>, at: u64, names: (u64, u64), found: &mut Vec<(String, u64)>) -> Result<(), Wrong> {
    let count = u64::from(file.u16(at + 6)?);
    if found.len() > MOST_OBJECTS {
        return Err(format!("a group of more than {MOST_OBJECTS} members"));
    }
    for i in 0..count {
        let entry = at + 8 + 40 * i;
        let name = names.0.checked_add(file.u64(entry)?).ok_or("a name outside of its heap")?;
        found.push((file.text(name, names.1)?, file.u64(entry + 8)?));
    }
    Ok(())
}
