//! `lastword certificate`: a certificate for tests, which signs itself.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::Failure;

/// The arguments of `certificate`.
#[derive(Debug, Args)]
pub(crate) struct CertificateArgs {
    /// A name or an IP address that clients connect to; may be given more than once
    #[arg(long = "name", value_name = "NAME", default_values = ["localhost", "127.0.0.1", "::1"])]
    names: Vec<String>,
    /// The folder for the two files
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
}

/// Writes both files. Files that exist stay as they are.
pub(crate) fn run(args: CertificateArgs) -> Result<(), Failure> {
    let made = rcgen::generate_simple_self_signed(args.names)
        .context("cannot make a certificate for these names")?;
    let certificate = args.folder.join("cert.pem");
    let key = args.folder.join("key.pem");
    write_new(&key, &made.signing_key.serialize_pem())?;
    write_new(&certificate, &made.cert.pem())?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "[[listen]]\ntls = [{{ certificate = {certificate:?}, key = {key:?} }}]"
    )?;
    Ok(())
}

/// Writes a file that only its owner may read.
fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("cannot write {}", path.display()))
}
