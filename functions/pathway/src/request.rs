//! What a request says, and which widgets it is about.

use shared::model::WidgetId;
use shared::model::pathway::Settings;
use shared::validation::Validated;
use shared::validation::url::path_uuid;

/// The widgets of the account that asks.
pub type Widgets<'a> = shared::store::Widgets<'a, Settings>;

/// Parses the segment of the path that is a widget's id.
pub fn widget_id(segment: &str) -> Validated<WidgetId> {
    path_uuid("id", segment).map(WidgetId)
}
