//! Packs the kernel sets that are part of the program: 34 MB of text would stand in each binary, the tests' 40 included; packed it is 4.

use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

const SETS: &str = "hw_profiles/kernels";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={SETS}");
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo names no OUT_DIR"))?)
        .join("kernels");
    for core in fs::read_dir(SETS)? {
        let core = core?;
        let packed = out.join(core.file_name());
        fs::create_dir_all(&packed)?;
        for set in fs::read_dir(core.path())? {
            let set = set?;
            pack(&set.path(), &packed.join(set.file_name()))?;
        }
    }
    Ok(())
}

/// The length of the text in four bytes, least significant first, and the text as a zlib stream.
fn pack(from: &Path, to: &Path) -> io::Result<()> {
    let text = fs::read(from)?;
    let length = u32::try_from(text.len()).map_err(io::Error::other)?;
    let mut packer = ZlibEncoder::new(length.to_le_bytes().to_vec(), Compression::default());
    packer.write_all(&text)?;
    fs::write(to, packer.finish()?)
}
