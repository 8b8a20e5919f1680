//! What a piece of work did that its log line and its metrics tell of: noted where it happens, read once it is over, and handed
//! on by nothing in between.

use std::cell::Cell;

use crate::{model::AccountId, store::Change};

/// What was noted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Observed {
    /// The account that it was done for.
    pub account: Option<AccountId>,
    /// How many calls to the store it made, those made again included.
    pub store_calls: u32,
    /// What it did to a widget.
    pub change: Option<Change>,
}

tokio::task_local! {
    static OBSERVED: Cell<Observed>;
}

/// Does `work`, and tells what was noted meanwhile.
pub async fn observed<T>(work: impl Future<Output = T>) -> (T, Observed) {
    OBSERVED.scope(Cell::default(), async { (work.await, OBSERVED.with(Cell::get)) }).await
}

/// Notes the account that the work is for.
pub fn note_account(account: AccountId) {
    note(|observed| observed.account = Some(account));
}

/// Notes a call to the store.
pub fn note_store_call() {
    note(|observed| observed.store_calls += 1);
}

/// Notes that a widget is another one now.
pub fn note_change(change: Change) {
    note(|observed| observed.change = Some(change));
}

/// What nobody observes needs no note.
fn note(what: impl FnOnce(&mut Observed)) {
    let _ = OBSERVED.try_with(|cell| {
        let mut observed = cell.get();
        what(&mut observed);
        cell.set(observed);
    });
}
