//! The lines of a file, which are read twice: to check them, and to write what they say.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek},
    path::Path,
};

use anyhow::{Context, Result, bail};

/// The most bytes of a line. An item of DynamoDB has 400 KB at most, whatever text it was.
const MAX_LINE_BYTES: usize = 4 * 1024 * 1024;

/// A file that can be read again.
#[derive(Debug)]
pub struct Input {
    file: File,
    /// Its length in bytes.
    pub length: u64,
}

impl Input {
    /// Opens a file. Standard input (`-`), and what else cannot be read again, is copied to a
    /// temporary file.
    pub fn open(path: &Path) -> Result<Self> {
        let shown = path.display();
        let unreadable = || format!("{shown} cannot be read");
        let mut file = if path.as_os_str() == "-" {
            spool(io::stdin().lock()).context("standard input cannot be read")?
        } else {
            let file = File::open(path).with_context(unreadable)?;
            let kind = file.metadata().with_context(unreadable)?;
            if kind.is_dir() {
                bail!("{shown} is a folder: FILE must have a widget a line");
            }
            if kind.is_file() { file } else { spool(file).with_context(unreadable)? }
        };
        let length = file.seek(io::SeekFrom::End(0)).with_context(unreadable)?;
        Ok(Self { file, length })
    }

    /// Begins at the first line.
    pub fn lines(&mut self) -> io::Result<Lines<'_>> {
        self.file.rewind()?;
        Ok(Lines { reader: BufReader::new(&self.file), number: 0, end: 0, text: Vec::new() })
    }
}

fn spool(mut source: impl Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(&mut source, &mut file)?;
    Ok(file)
}

/// The lines of an input that are not blank.
#[derive(Debug)]
pub struct Lines<'a> {
    reader: BufReader<&'a File>,
    number: u64,
    end: u64,
    text: Vec<u8>,
}

/// A line.
#[derive(Debug)]
pub struct Line<'a> {
    /// Its number in the file, from 1.
    pub number: u64,
    /// Its text, with what ends it.
    pub text: &'a [u8],
    /// The position behind it, in bytes.
    pub end: u64,
}

impl Lines<'_> {
    /// Reads the next line that is not blank.
    ///
    /// # Errors
    ///
    /// A line that is too long for any widget: the file is something else.
    pub fn next(&mut self) -> Result<Option<Line<'_>>> {
        loop {
            self.text.clear();
            let most = MAX_LINE_BYTES as u64 + 1;
            let length = (&mut self.reader).take(most).read_until(b'\n', &mut self.text)?;
            if length == 0 {
                return Ok(None);
            }
            self.number += 1;
            self.end += length as u64;
            if length > MAX_LINE_BYTES {
                let number = self.number;
                bail!(
                    "line {number} has over {MAX_LINE_BYTES} bytes: FILE must have a widget a line"
                );
            }
            if !self.text.trim_ascii().is_empty() {
                let (number, end) = (self.number, self.end);
                return Ok(Some(Line { number, text: &self.text, end }));
            }
        }
    }
}
