//! A dialect's list of fields, and what is generated from it.
//!
//! `assistant_fields!` and `pathway_fields!` hold one row a field: its name, its type, the rule
//! that parses it, when a body must name it, and whether a page that embeds the widget may read it.
//! Each passes its rows to the macro that it is given: `settings!` makes `Settings` and `Changes`
//! of them, and `store/items` the attributes in the table. An answer names the fields in its own
//! order ([`crate::serialize_object!`]) and does not compile if one is missing.

use crate::validation::Presence;

/// A row of a dialect's list of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// The documented name, in bodies, answers and the table alike.
    pub name: &'static str,
    /// When a body must name the field.
    pub required: Required,
    /// Who may read the field.
    pub visibility: Visibility,
}

/// When a body must name a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Required {
    /// On create and on update.
    Always,
    /// On create.
    OnCreate,
    /// Never: a create without the field sets the default of its type.
    Never,
}

/// Who may read a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Also a page that embeds the widget, without an API key.
    Public,
    /// Only who has an API key of the account.
    Private,
}

impl Required {
    /// Returns whether a body must name the field.
    pub fn presence(self, is_create: bool) -> Presence {
        match (self, is_create) {
            (Self::Always, _) | (Self::OnCreate, true) => Presence::Required,
            (Self::OnCreate, false) | (Self::Never, _) => Presence::Optional,
        }
    }
}

/// Declares `Settings` and `Changes` from the rows of a dialect's list of fields.
macro_rules! settings {
    ($($field:ident: $type:ty, $rule:expr, $required:ident, $visibility:ident;)+) => {
        /// What a client sets.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the fields are the documented ones")]
        pub struct Settings { $(pub $field: $type),+ }

        /// What an update sets. `None` leaves a field as it is.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the fields are the documented ones")]
        pub struct Changes { $(pub $field: Option<$type>),+ }

        impl Settings {
            /// The rows of the list, in the order in which violations are reported. Tests compare
            /// answers and OpenAPI documents with them.
            pub const FIELDS: &'static [$crate::model::fields::Field] = &[$(
                $crate::model::fields::Field {
                    name: stringify!($field),
                    required: $crate::model::fields::Required::$required,
                    visibility: $crate::model::fields::Visibility::$visibility,
                }
            ),+];

            /// Sets what `changes` set.
            #[cfg(test)]
            pub fn apply(&mut self, changes: Changes) {
                $(if let Some(value) = changes.$field { self.$field = value; })+
            }
        }

        impl Changes {
            /// Parses the fields that a body names.
            fn read(fields: &mut $crate::validation::Fields<'_>, is_create: bool) -> Self {
                use $crate::model::fields::Required;
                Self { $(
                    $field: fields.get(stringify!($field), Required::$required.presence(is_create), $rule)
                ),+ }
            }

            /// Makes the settings of a new widget; `None` if a required field is missing.
            fn into_settings(self) -> Option<Settings> {
                Some(Settings { $(
                    $field: $crate::model::fields::settings!(@or_default $required self.$field)
                ),+ })
            }
        }
    };
    (@or_default Never $value:expr) => { $value.unwrap_or_default() };
    (@or_default $required:ident $value:expr) => { $value? };
}
pub(crate) use settings;
