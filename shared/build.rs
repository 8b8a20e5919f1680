//! Picks Amazon's four root certificates out of Mozilla's list, as PEM, for
//! `dynamodb/connection.rs`.
//!
//! A function connects to nothing but AWS. It parses the roots that it trusts at each start, so it
//! has four of them rather than the list's 140. They come from a maintained crate: a renewed root
//! arrives with a dependency update.

use std::error::Error;
use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let mut pem = String::new();
    let mut found = 0;
    for certificate in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        // A root names itself in plain bytes: "Amazon Root CA 1" to "Amazon Root CA 4"
        // (https://www.amazontrust.com/repository/).
        if certificate.windows(15).any(|bytes| bytes == b"Amazon Root CA ") {
            found += 1;
            writeln!(pem, "-----BEGIN CERTIFICATE-----")?;
            let text = STANDARD.encode(certificate);
            for line in text.as_bytes().chunks(64) {
                writeln!(pem, "{}", str::from_utf8(line)?)?;
            }
            writeln!(pem, "-----END CERTIFICATE-----")?;
        }
    }
    if found != 4 {
        return Err(format!(
            "expected Amazon's 4 root certificates in webpki-root-certs, found {found}"
        )
        .into());
    }
    fs::write(Path::new(&env::var("OUT_DIR")?).join("amazon_roots.pem"), pem)?;
    Ok(())
}
