//! The first pass over the file: every fault is told before anything is written.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Result, anyhow};
use shared::{
    model::WidgetId,
    store::{BY_ID, IdEntry, Widgets},
};

use super::{input::Input, leniency::Importable, line, progress::Progress};
use crate::{local::store_access::table_reason, location::Table};

/// What is known of a file. It holds some 40 bytes a widget.
#[derive(Debug, Default)]
pub struct Check {
    /// How many lines there are, blank ones not counted.
    pub count: usize,
    /// The numbers of the lines that have faults.
    pub refused: BTreeSet<u64>,
    /// How many widgets the account has already.
    pub present: usize,
    /// The line of each widget.
    ids: HashMap<WidgetId, u64>,
}

impl Check {
    /// Returns how many lines can be imported.
    pub fn valid(&self) -> usize {
        self.count - self.refused.len()
    }

    /// Checks every line by itself, and that no id comes twice.
    pub fn lines<S: Importable>(
        &mut self,
        input: &mut Input,
        widgets: &Widgets<'_, S>,
    ) -> Result<()> {
        let progress = Progress::of_bytes("Checking", input.length);
        let mut lines = input.lines()?;
        while let Some(line) = lines.next()? {
            self.count += 1;
            progress.set(line.end);
            let faults = match line::parse::<S>(line.text, widgets.account()) {
                Ok(widget) if !widgets.has_room(&widget) => {
                    vec!["the widget is over the 400 KB of a DynamoDB item".to_owned()]
                }
                Ok(widget) => match self.ids.get(&widget.id) {
                    Some(first) => vec![format!("id {} is that of line {first}", widget.id)],
                    None => {
                        self.ids.insert(widget.id, line.number);
                        continue;
                    }
                },
                Err(faults) => faults,
            };
            self.refused.insert(line.number);
            for fault in faults {
                progress.tell(format_args!("line {}: {fault}", line.number));
            }
        }
        Ok(())
    }

    /// Checks that no other account, and not the account's other dialect, has a widget with one of
    /// the ids. Reads the keys of all widgets, some 130 bytes each: a query an id would be as many
    /// calls as there are lines. An account that gets such a widget in these seconds is not seen.
    pub async fn ids<S: Importable>(
        &mut self,
        table: &Table,
        widgets: &Widgets<'_, S>,
    ) -> Result<()> {
        let scan = table.client.scan().table_name(&table.name).index_name(BY_ID);
        let mut entries = scan.into_paginator().items().send();
        let mut taken = BTreeMap::new();
        while let Some(entry) = entries.next().await {
            let entry = entry.map_err(|error| {
                let reason = table_reason(&error, &table.config, &table.name, "WidgetsTable");
                anyhow!("the ids in the table {} cannot be read: {reason}", table.name)
            })?;
            let Some(IdEntry { id, account, dialect }) = IdEntry::decode(&entry) else { continue };
            let Some(&line) = self.ids.get(&id) else { continue };
            if account == widgets.account() && dialect == S::DIALECT {
                self.present += 1;
                continue;
            }
            let fault = if account == widgets.account() {
                format!(
                    "id {id} belongs to this account already ({dialect} dialect): give the line \
                     another id"
                )
            } else {
                format!(
                    "id {id} belongs to account {account} already ({dialect} dialect): --account \
                     {account} imports into that one"
                )
            };
            taken.insert(line, fault);
        }
        for (line, fault) in taken {
            self.refused.insert(line);
            eprintln!("line {line}: {fault}");
        }
        Ok(())
    }
}
