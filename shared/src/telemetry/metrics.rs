//! What CloudWatch counts of the log: a line that counts says so itself, in the embedded metric format
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>), so that
//! a metric costs no call and no dependency.

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{model::Timestamp, store::Change};

/// Where CloudWatch keeps the metrics.
const NAMESPACE: &str = "Widgets";

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// A widget was created. A request that comes again creates nothing.
    Created,
    /// A widget was changed. An update to the same values changes nothing.
    Updated,
    /// A widget was deleted.
    Deleted,
    /// A request or a command got no success, through its client's doing.
    Refused,
}

impl Metric {
    fn name(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::Updated => "Updated",
            Self::Deleted => "Deleted",
            Self::Refused => "Refused",
        }
    }
}

impl From<Change> for Metric {
    fn from(change: Change) -> Self {
        match change {
            Change::Created => Self::Created,
            Change::Updated => Self::Updated,
            Change::Deleted => Self::Deleted,
        }
    }
}

/// One more of a metric, as the members that a log line has for it.
#[derive(Debug, Clone, Copy)]
pub struct Count<'a> {
    /// What is counted.
    pub metric: Metric,
    /// When.
    pub at: Timestamp,
    /// The function's name, a dimension.
    pub function: &'a str,
    /// The dialect's name, another one.
    pub dialect: &'static str,
}

impl Serialize for Count<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Metadata {
            timestamp: i64,
            cloud_watch_metrics: [Directive; 1],
        }

        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Directive {
            namespace: &'static str,
            dimensions: [[&'static str; 2]; 1],
            metrics: [Definition; 1],
        }

        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Definition {
            name: &'static str,
            unit: &'static str,
        }

        let name = self.metric.name();
        let directive = Directive {
            namespace: NAMESPACE,
            dimensions: [["FunctionName", "Dialect"]],
            metrics: [Definition { name, unit: "Count" }],
        };
        let metadata =
            Metadata { timestamp: self.at.epoch_milliseconds(), cloud_watch_metrics: [directive] };
        let mut members = serializer.serialize_map(Some(4))?;
        members.serialize_entry("_aws", &metadata)?;
        members.serialize_entry("FunctionName", self.function)?;
        members.serialize_entry("Dialect", self.dialect)?;
        members.serialize_entry(name, &1)?;
        members.end()
    }
}
