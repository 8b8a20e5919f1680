//! Where an export writes: JSON Lines, a widget a line, none of them twice.

use std::{
    collections::HashSet,
    fs::{File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader, ErrorKind, IsTerminal, Seek, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, anyhow, bail};
use tokio::task::spawn_blocking;

use super::widget::Widget;
use crate::dialect::Dialect;

/// A sink, and the ids of the widgets that are in it.
pub struct Output {
    sink: Sink,
    ids: HashSet<String>,
    /// How many of them an earlier export wrote.
    kept: usize,
}

/// A file or standard output.
#[derive(Clone)]
pub enum Sink {
    /// A file and its path.
    File(PathBuf, Arc<File>),
    /// Standard output.
    Stdout,
}

impl Output {
    /// Opens the file at `path`, or standard output. A file that is not empty must be resumed. If
    /// its last line has no end, the line is cut off. A file of the other dialect is an error.
    pub fn open(path: Option<PathBuf>, is_resumed: bool, dialect: Dialect) -> Result<Self> {
        let Some(path) = path else {
            return Ok(Self { sink: Sink::Stdout, ids: HashSet::new(), kept: 0 });
        };
        let name = path.display();
        let file = OpenOptions::new().read(true).append(true).create(true).open(&path);
        let file = file.with_context(|| format!("{name} cannot be written"))?;
        // A file system without locks is no reason to write nothing.
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            bail!("another export writes to {name}");
        }
        let mut ids = HashSet::new();
        if is_resumed {
            if let Some(other) = dialect_of(&file).filter(|found| *found != dialect) {
                bail!(
                    "{name} holds widgets of the {other} dialect: name another file, or --dialect \
                     {other}"
                );
            }
            ids = read_ids(&file).with_context(|| format!("{name} cannot be continued"))?;
        } else if file.metadata()?.len() > 0 {
            bail!("{name} is there already: --resume continues it, or take another name");
        }
        let kept = ids.len();
        Ok(Self { sink: Sink::File(path, Arc::new(file)), ids, kept })
    }

    /// Whether a progress bar may have the terminal for itself.
    pub fn leaves_terminal_free(&self) -> bool {
        matches!(self.sink, Sink::File(..)) || !io::stdout().is_terminal()
    }

    /// Returns the sink.
    pub fn sink(&self) -> &Sink {
        &self.sink
    }

    /// Writes the widgets that are not there yet. Returns how many. The lines are written whole,
    /// even if the future is dropped.
    pub async fn append(&mut self, widgets: &[Widget<'_>]) -> Result<usize> {
        let mut lines = Vec::new();
        let before = self.ids.len();
        for widget in widgets {
            if self.ids.insert(widget.id.to_string()) {
                widget.push_line(&mut lines);
            }
        }
        let sink = self.sink.clone();
        spawn_blocking(move || sink.write(&lines)).await??;
        Ok(self.ids.len() - before)
    }

    /// Ends the output. Returns what it holds, in words. `found` is how many widgets the service
    /// has.
    pub async fn finish(self, found: usize) -> Result<String> {
        let count = self.ids.len();
        let new = match self.kept {
            0 => String::new(),
            kept => format!(", {} of them new", count - kept),
        };
        let gone = match count.saturating_sub(found) {
            0 => String::new(),
            gone => format!(", {gone} of which the service no longer has"),
        };
        let place = match &self.sink {
            Sink::File(path, _) => format!(" in {}", path.display()),
            Sink::Stdout => String::new(),
        };
        spawn_blocking(move || self.sink.sync()).await??;
        let widgets = if count == 1 { "widget" } else { "widgets" };
        Ok(format!("{count} {widgets}{place}{new}{gone}."))
    }
}

impl Sink {
    /// Returns the path of a file that has something in it.
    pub fn unfinished_file(&self) -> Option<&Path> {
        match self {
            Self::File(path, file) if file.metadata().is_ok_and(|it| it.len() > 0) => Some(path),
            _ => None,
        }
    }

    fn write(&self, lines: &[u8]) -> Result<()> {
        match self {
            Self::File(path, file) => (&**file).write_all(lines).with_context(|| unwritable(path)),
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                let written = stdout.write_all(lines).and_then(|()| stdout.flush());
                written.map_err(|error| match error.kind() {
                    ErrorKind::BrokenPipe => anyhow!("nobody reads standard output any more"),
                    _ => anyhow!("standard output cannot be written: {error}"),
                })
            }
        }
    }

    /// Returns when a file is on its disk.
    fn sync(&self) -> Result<()> {
        match self {
            Self::File(path, file) => file.sync_all().with_context(|| unwritable(path)),
            Self::Stdout => Ok(()),
        }
    }
}

fn unwritable(path: &Path) -> String {
    format!("{} cannot be written", path.display())
}

/// Returns the dialect of the first widget in a file, if the widget tells.
fn dialect_of(file: &File) -> Option<Dialect> {
    let mut line = Vec::new();
    BufReader::new(file).read_until(b'\n', &mut line).ok()?;
    serde_json::from_slice::<Widget<'_>>(&line).ok()?.dialect()
}

/// Reads the ids in a file, and cuts off a last line that has no end.
fn read_ids(mut file: &File) -> Result<HashSet<String>> {
    file.rewind()?;
    let mut reader = BufReader::new(file);
    let (mut ids, mut line, mut whole_bytes) = (HashSet::new(), Vec::new(), 0);
    for number in 1.. {
        line.clear();
        let bytes = reader.read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\n") {
            break;
        }
        let widget: Widget<'_> =
            serde_json::from_slice(&line).with_context(|| format!("line {number} is no widget"))?;
        ids.insert(widget.id.into_owned());
        whole_bytes += bytes as u64;
    }
    file.set_len(whole_bytes)?;
    Ok(ids)
}
