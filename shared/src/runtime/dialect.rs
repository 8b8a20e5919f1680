//! What differs between the functions.

use serde::Serialize;
use serde_json::value::RawValue;

use super::app::App;
use crate::commands::{Command, CommandEnvelope};
use crate::error::{Error, Result};
use crate::http::{Request, Response, StatusCode, cors, to_json};
use crate::model::Widget;
use crate::store::TableItem;

/// A dialect: what differs between the functions.
pub trait Dialect {
    /// What a client sets on a widget.
    type Settings: TableItem;

    /// A widget as an answer shows it.
    type WidgetView<'a>: From<&'a Widget<Self::Settings>> + Serialize
    where
        Self::Settings: 'a;

    /// The OpenAPI document of the dialect, as JSON.
    const OPENAPI: &'static str;

    /// Returns what the function holds between invocations.
    fn app(&self) -> &App;

    /// Answers a request.
    fn route(&self, request: &Request<'_>) -> impl Future<Output = Result<Response>>;

    /// Words an error for a client.
    fn error_response(&self, request: &Request<'_>, error: &Error, request_id: &str) -> Response;

    /// Executes a command and shows the widget.
    fn execute(&self, envelope: &CommandEnvelope) -> impl Future<Output = Result<Box<RawValue>>> {
        async {
            let command = Command::<Self::Settings>::parse(envelope)?;
            let widget = command.execute(&self.app().store).await?;
            to_json(&Self::WidgetView::from(&widget))
        }
    }

    /// Answers with [`Dialect::OPENAPI`]. Pages of every origin may draw documentation from it.
    fn openapi() -> Response {
        cors::allow_any_origin(Response::json_text(StatusCode::OK, Self::OPENAPI.to_owned()))
    }
}
