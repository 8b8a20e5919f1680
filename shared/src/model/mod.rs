//! What a widget is. Everything here is valid by construction.
//!
//! * [`widget`](Widget) has what both dialects share; [`assistant`] and [`pathway`] have the
//!   settings of one dialect each, from one list of fields ([`fields`]).
//! * [`allowed_domain`](AllowedDomain), [`webhook_url`](WebhookUrl), [`widget_type`](WidgetType)
//!   and [`text`](Text) are the types of single fields.
//!
//! Not its business: HTTP and DynamoDB.

mod allowed_domain;
pub mod assistant;
mod change;
pub mod fields;
mod hash;
mod ids;
pub mod pathway;
mod text;
mod timestamp;
mod version_condition;
mod webhook_url;
mod widget;
mod widget_type;

pub use allowed_domain::{AllowedDomain, Origin};
pub use change::Change;
pub use hash::Hash;
pub use ids::{AccountId, KeyId, WidgetId};
pub use text::Text;
pub use timestamp::Timestamp;
pub use version_condition::{VersionCondition, Written};
pub use webhook_url::WebhookUrl;
pub use widget::{Widget, WidgetSettings};
pub use widget_type::WidgetType;
