//! Finds a profile by name or path. The only part of this room that reads files.

use super::board::Profile;
use super::builtin::{board_names, board_text};
use super::error::ProfileError;
use std::path::Path;

/// A built-in profile by name, or a file by path (anything with a `/`, a `\` or the ending `.toml`), each with overrides
/// after commas: `stm32f746,clock_mhz=168,weights=ram`. See [`Profile::with`].
pub fn load(spec: &str) -> Result<Profile, ProfileError> {
    let overrides: Vec<&str> = spec.split(',').skip(1).collect();
    load_plain(base_name(spec))?.with(&overrides)
}

/// The profile's name or path in a specification, without the overrides that follow it.
pub fn base_name(spec: &str) -> &str {
    spec.split(',').next().unwrap_or_default()
}

fn load_plain(name_or_path: &str) -> Result<Profile, ProfileError> {
    if let Some(text) = board_text(name_or_path) {
        return Profile::parse(&format!("hw_profiles/{name_or_path}.toml"), text);
    }
    let looks_like_path = name_or_path.contains(['/', '\\']) || name_or_path.ends_with(".toml");
    if !looks_like_path {
        return Err(ProfileError::Unknown { name: name_or_path.to_owned(), known: board_names() });
    }
    let path = Path::new(name_or_path);
    let text = std::fs::read_to_string(path).map_err(|source| ProfileError::Read { path: path.to_owned(), source })?;
    Profile::parse(name_or_path, &text)
}

/// A built-in profile by name.
pub fn builtin(name: &str) -> Result<Profile, ProfileError> {
    let text = board_text(name).ok_or_else(|| ProfileError::Unknown { name: name.to_owned(), known: board_names() })?;
    Profile::parse(&format!("hw_profiles/{name}.toml"), text)
}
