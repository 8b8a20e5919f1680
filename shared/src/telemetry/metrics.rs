//! Metrics: a log line in the embedded metric format makes CloudWatch count it, without a call and
//! without a dependency
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>).

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::model::Timestamp;

/// The namespace of the metrics in CloudWatch.
const NAMESPACE: &str = "Widgets";

/// One more of a metric. It serializes to the members that a log line needs.
#[derive(Debug, Clone, Copy)]
pub struct MetricDatum<'a> {
    /// The name: `Created`, `Updated`, `Deleted` or `Refused`.
    pub name: &'static str,
    /// When it happened.
    pub at: Timestamp,
    /// The name of the function, a dimension.
    pub function: &'a str,
    /// The dialect, another dimension.
    pub dialect: &'static str,
}

impl Serialize for MetricDatum<'_> {
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

        let directive = Directive {
            namespace: NAMESPACE,
            dimensions: [["FunctionName", "Dialect"]],
            metrics: [Definition { name: self.name, unit: "Count" }],
        };
        let metadata =
            Metadata { timestamp: self.at.epoch_milliseconds(), cloud_watch_metrics: [directive] };
        let mut members = serializer.serialize_map(Some(4))?;
        members.serialize_entry("_aws", &metadata)?;
        members.serialize_entry("FunctionName", self.function)?;
        members.serialize_entry("Dialect", self.dialect)?;
        members.serialize_entry(self.name, &1)?;
        members.end()
    }
}
