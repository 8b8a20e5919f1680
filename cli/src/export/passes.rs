//! Reads page after page until no widget can be missing.
//!
//! A widget that is created or deleted shifts the widgets behind it. Between two numbered pages,
//! that can move a widget to a page that was read before. So the pages are read again until a pass
//! is clean: every page has the same total, the pass met that many widgets, and all of them had
//! been written before. Numbered pages take at least two passes. A widget is written as it was when
//! it was first met.
//!
//! A cursor does not shift, and a whole list is one answer: one pass is clean. Memory holds one
//! page, and all ids.

use std::collections::HashSet;

use anyhow::{Result, bail};

use super::{output::Output, progress::Progress, source::Source};

/// The most passes.
const MAX_PASSES: usize = 5;

/// The size of a page. It is halved when a page is too large for the service.
const PAGE_SIZE: u64 = 100;

/// The outcome of a pass.
enum Pass {
    /// No widget is missing. `count` is how many the service has.
    Clean { count: usize },
    /// Widgets may be missing. `met` says how many were met.
    Unclear { met: String },
    /// The service cannot answer with pages of this size.
    TooLarge,
}

/// Copies all widgets of `source` to `output`. Returns what the output holds, in words.
pub async fn copy(source: &Source, mut output: Output, progress: Progress) -> Result<String> {
    let (mut size, mut passes) = (PAGE_SIZE, 0);
    loop {
        match read(source, size, &mut output, &progress).await? {
            Pass::Clean { count } => return output.finish(count).await,
            Pass::Unclear { met } => {
                passes += 1;
                if passes == MAX_PASSES {
                    bail!(
                        "the widgets at {} changed in each of {MAX_PASSES} passes, of which the \
                         last met {met}, so some may be missing: try again when fewer are created \
                         and deleted",
                        source.list
                    );
                }
            }
            Pass::TooLarge if size > 1 => size /= 2,
            Pass::TooLarge => bail!("{} cannot answer with a single widget", source.list),
        }
    }
}

/// Reads all pages once, and writes the widgets that are not written yet.
async fn read(
    source: &Source,
    size: u64,
    output: &mut Output,
    progress: &Progress,
) -> Result<Pass> {
    let (mut met, mut total, mut written) = (HashSet::new(), None, 0);
    let mut is_steady = true;
    let mut next = Some(source.first_page(size));
    while let Some(url) = next {
        let Some(answer) = source.get(&url, |text| progress.say(text)).await? else {
            return Ok(Pass::TooLarge);
        };
        let page = source.parse(&answer)?;
        let before = met.len();
        met.extend(page.widgets.iter().map(|widget| widget.id.to_string()));
        written += output.append(&page.widgets).await?;
        progress.show(met.len(), page.total);
        is_steady &= total.is_none() || total == page.total;
        total = page.total;
        next = page.next;
        // Pages without a new widget may go on for ever.
        if next.is_some() && met.len() == before {
            is_steady = false;
            break;
        }
    }
    let count = met.len();
    let is_clean = is_steady && total.is_none_or(|total| written == 0 && total == count as u64);
    let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
    Ok(if is_clean { Pass::Clean { count } } else { Pass::Unclear { met: format!("{count}{of}") } })
}
