//! The kernel file exactly as written.

use crate::profile::Class;
use crate::trace::{Access, BufferKind, Elem, Op};
use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSet {
    pub schema: Spanned<u32>,
    pub core: String,
    pub kernel_set: String,
    pub compiler: String,
    pub flags: String,
    pub source_sha256: String,
    #[serde(default)]
    pub kernel: Vec<Spanned<RawKernel>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawKernel {
    pub op: Op,
    pub elems: Spanned<Vec<Elem>>,
    pub symbol: String,
    pub code_bytes: u64,
    #[serde(default)]
    pub rodata_bytes: u64,
    pub stack_bytes: u64,
    #[serde(default)]
    pub level: Vec<Spanned<RawLevel>>,
    #[serde(default)]
    pub traffic: Vec<RawTraffic>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLevel {
    pub name: String,
    pub trips: Spanned<String>,
    pub trips_low: Option<Spanned<String>>,
    pub trips_high: Option<Spanned<String>>,
    #[serde(default)]
    pub steady: bool,
    pub body: Vec<RawInstr>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawInstr {
    pub c: Class,
    #[serde(default)]
    pub d: Vec<String>,
    #[serde(default)]
    pub s: Vec<Spanned<String>>,
    pub wb: Option<String>,
    pub n: Option<Spanned<u32>>,
    pub w: Option<Spanned<String>>,
    pub a: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTraffic {
    pub kind: BufferKind,
    pub access: Access,
    pub bytes: Spanned<String>,
    pub reuse_bytes: Option<Spanned<String>>,
}
