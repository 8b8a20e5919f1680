//! The file of the lines that were refused.

use std::{
    collections::BTreeSet,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use tempfile::NamedTempFile;

use super::input::Input;

/// A file of refused lines. It has its name once the others are imported, so that a run that was
/// killed is in nobody's way.
#[derive(Debug)]
pub struct RefusedFile {
    path: PathBuf,
    file: NamedTempFile,
}

impl RefusedFile {
    /// Creates the file beside the place where it will be.
    pub fn create(path: PathBuf) -> Result<Self> {
        let shown = path.display();
        ensure!(!path.exists(), "{shown} exists already: --skip-invalid takes a new file");
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
        let file = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")));
        let file = file.with_context(|| format!("{shown} cannot be written"))?;
        Ok(Self { path, file })
    }

    /// Writes the lines with these numbers, as they are.
    pub fn fill(self, input: &mut Input, refused: &BTreeSet<u64>) -> Result<Self> {
        let mut lines = input.lines()?;
        let mut writer = BufWriter::new(&self.file);
        while let Some(line) = lines.next()? {
            if refused.contains(&line.number) {
                writer.write_all(line.text)?;
            }
        }
        writer.flush()?;
        drop(writer);
        Ok(self)
    }

    /// Gives the file its name, unless no line was refused.
    pub fn keep(self) -> Result<()> {
        let shown = self.path.display();
        if self.file.as_file().metadata()?.len() > 0 {
            let kept = self.file.persist_noclobber(&self.path);
            kept.with_context(|| format!("the refused lines cannot be written to {shown}"))?;
        }
        Ok(())
    }
}
