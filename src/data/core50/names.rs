//! Names of CORe50's images: `s3/o16/C_03_16_023.png` is session 3, object 16, frame 23.

/// An image's path below the tree, taken apart. Ordered by session and then by path as text, as the official lists are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// 1 … 11.
    pub session: u32,
    path: String,
    /// 1 … 50.
    pub object: u16,
}

impl Name {
    /// Takes the last three parts of a path; `None` for anything that is no such image.
    pub fn parse(path: &str) -> Option<Self> {
        let mut parts = path.trim().rsplit('/');
        let (file, object, session) = (parts.next()?, parts.next()?, parts.next()?);
        let number = session.strip_prefix('s')?.parse().ok().filter(|s| (1..=11).contains(s))?;
        let of = object.strip_prefix('o')?.parse().ok().filter(|o| (1..=50).contains(o))?;
        let frame = file.strip_prefix("C_")?.strip_suffix(".png")?;
        if !frame.chars().all(|c| c.is_ascii_digit() || c == '_') {
            return None;
        }
        Some(Self { path: format!("{session}/{object}/{file}"), session: number, object: of })
    }

    /// The path below the tree.
    pub fn path(&self) -> &str {
        &self.path
    }
}
