//! Metrics: a log line in the embedded metric format makes CloudWatch count it, without a call and
//! without a dependency
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>).

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::model::Timestamp;
use crate::validation::json::JsonText;

/// A data point of a metric, whose value is 1. It serializes to the members that a log line needs.
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
        let metadata = format!(
            r#"{{"Timestamp":{},"CloudWatchMetrics":[{{"Namespace":"Widgets","Dimensions":[["FunctionName","Dialect"]],"Metrics":[{{"Name":"{}","Unit":"Count"}}]}}]}}"#,
            self.at.epoch_milliseconds(),
            self.name,
        );
        let mut members = serializer.serialize_map(Some(4))?;
        members.serialize_entry("_aws", &JsonText::parse(metadata))?;
        members.serialize_entry("FunctionName", self.function)?;
        members.serialize_entry("Dialect", self.dialect)?;
        members.serialize_entry(self.name, &1)?;
        members.end()
    }
}
