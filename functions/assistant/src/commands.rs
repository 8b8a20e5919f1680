//! Commands that come without HTTP: from a queue, an event bus, a pipe, a state machine.

use serde_json::value::{RawValue, to_raw_value};
use shared::{
    App,
    command::Command,
    error::Error,
    event::Delivery,
    model::assistant::{Changes, Settings},
};

use crate::wire;

pub async fn execute(app: &App, delivery: &Delivery) -> Result<Box<RawValue>, Error> {
    let command = Command::parse(delivery, Settings::parse, Changes::parse)?;
    let widget = command.execute(&app.store).await?;
    to_raw_value(&wire::Widget::from(&widget))
        .map_err(|error| Error::Internal(format!("a widget cannot be rendered: {error}")))
}
