//! The text of a profile file while it is read: turns problems into errors with their place.

use super::Place;
use super::error::{Problem, ProfileError};
use super::quantity::{Domain, Quantity, RawQuantity};
use serde::de::DeserializeOwned;
use std::ops::Range;
use toml::Spanned;

pub(super) struct SourceText<'a> {
    pub file: &'a str,
    pub text: &'a str,
}

impl SourceText<'_> {
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ProfileError> {
        toml::from_str(self.text).map_err(|e| {
            let message = e.message().to_owned();
            let missing = message.starts_with("missing field");
            let problem = if missing { Problem::Missing(message) } else { Problem::Toml(message) };
            ProfileError::At { place: Box::new(Place::of_toml(self.file, self.text, &e)), problem: Box::new(problem) }
        })
    }

    pub fn error(&self, span: Range<usize>, problem: Problem) -> ProfileError {
        ProfileError::At { place: Box::new(Place::of(self.file, self.text, span)), problem: Box::new(problem) }
    }

    /// Line of a span, from 1.
    pub fn line(&self, span: &Range<usize>) -> usize {
        Place::of(self.file, self.text, span.clone()).line
    }

    pub fn quantity(&self, key: &str, raw: Spanned<RawQuantity>, domain: Domain) -> Result<Quantity, ProfileError> {
        let span = raw.span();
        let line = self.line(&span);
        raw.into_inner().check(key, domain, line).map_err(|problem| self.error(span, problem))
    }
}
