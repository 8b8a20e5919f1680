//! What the local stack takes from `template.yaml`: functions, routes, tables and pipes, so that
//! what answers locally is what is deployed.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use aws_sdk_dynamodb::{
    error::BuildError,
    types::{
        AttributeDefinition, GlobalSecondaryIndex, KeySchemaElement, Projection,
        StreamSpecification,
    },
};
use serde::Deserialize;
use serde_json::Value;

/// What is deployed.
#[derive(Debug, Clone, Default)]
pub struct Template {
    /// The functions, by name.
    pub functions: Vec<FunctionSpec>,
    /// The tables; locally a table's name is its logical id.
    pub tables: Vec<TableSpec>,
    /// The pipes from a table's stream to an event bus; a pipe of any other kind is none of the
    /// local stack's.
    pub pipes: Vec<PipeSpec>,
}

/// A function.
#[derive(Debug, Clone)]
pub struct FunctionSpec {
    /// Its logical id.
    pub name: String,
    /// The binary that is its `bootstrap`. It has the name of its folder.
    pub binary: String,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// In MB.
    pub memory: String,
    /// What Lambda passes on in `AWS_LAMBDA_LOG_LEVEL`.
    pub log_level: Option<String>,
    /// Its environment.
    pub variables: BTreeMap<String, String>,
    /// The routes that lead to it.
    pub routes: Vec<RouteSpec>,
}

/// A route of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteSpec {
    /// A method, or `ANY`.
    pub method: String,
    /// A path, with `{name}` for a segment and `{name+}` for all that are left.
    pub path: String,
}

/// A table of DynamoDB.
#[derive(Debug, Clone)]
pub struct TableSpec {
    /// Its logical id.
    pub name: String,
    /// The attributes that its keys are made of.
    pub attributes: Vec<AttributeDefinition>,
    /// Its primary key.
    pub key: Vec<KeySchemaElement>,
    /// Its global secondary indexes.
    pub indexes: Vec<GlobalSecondaryIndex>,
    /// Its stream, where it has one.
    pub stream: Option<StreamSpecification>,
    /// The attribute that says when an item is to be deleted.
    pub ttl: Option<String>,
}

/// A pipe from a table's stream to an event bus.
#[derive(Debug, Clone)]
pub struct PipeSpec {
    /// Its logical id.
    pub name: String,
    /// The table that it reads the stream of.
    pub table: String,
    /// Event patterns. A record passes that matches one of them, or any record where there are
    /// none.
    pub filters: Vec<String>,
    /// What makes an event's detail of a record.
    pub input_template: String,
    /// The events' `source`.
    pub source: String,
    /// The events' `detail-type`.
    pub detail_type: String,
}

impl Template {
    /// Reads the template of the checkout in `folder`.
    pub fn read(folder: &Path) -> Result<Self> {
        let file = folder.join("template.yaml");
        let yaml = fs::read_to_string(&file)
            .with_context(|| format!("{} cannot be read", file.display()))?;
        Self::parse(&yaml)
    }

    /// Parses a template's text.
    pub fn parse(yaml: &str) -> Result<Self> {
        let Yaml::Value(template) =
            serde_saphyr::from_str(yaml).context("template.yaml cannot be read")?;
        let mut parsed = Self::default();
        for (name, resource) in members(&template["Resources"]) {
            let properties = &resource["Properties"];
            match resource["Type"].as_str() {
                Some("AWS::Serverless::Function") => {
                    parsed.functions.push(function(&template, name, resource)?);
                }
                Some("AWS::DynamoDB::Table") => parsed
                    .tables
                    .push(table(name, properties).with_context(|| format!("in table {name}"))?),
                Some("AWS::Pipes::Pipe") => {
                    parsed.pipes.extend(pipe(&template, name, properties)?);
                }
                _ => {}
            }
        }
        Ok(parsed)
    }

    /// The same with tables that have no streams, for what measures: a store in memory looks
    /// through all of a stream's records at each write, which DynamoDB does not.
    pub fn without_streams(mut self) -> Self {
        self.tables.iter_mut().for_each(|table| table.stream = None);
        self
    }
}

/// YAML as JSON, with `{"Ref": "X"}` for `!Ref X`. The parser keeps a YAML tag so for an untagged
/// enum, and would drop it for a [`Value`] alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Yaml {
    Value(Value),
}

fn function(template: &Value, name: &str, resource: &Value) -> Result<FunctionSpec> {
    let (own, common) = (&resource["Properties"], &template["Globals"]["Function"]);
    let value =
        |value: &Value| resolve(template, value).with_context(|| format!("in function {name}"));
    let setting = |path: &str| own.pointer(path).or(common.pointer(path)).map(value).transpose();
    let variables =
        [common, own].into_iter().flat_map(|it| members(&it["Environment"]["Variables"]));
    let events = members(&own["Events"]).map(|(_, event)| event);
    let routes = events.filter(|event| event["Type"] == "HttpApi").map(|event| {
        Ok(RouteSpec {
            method: value(&event["Properties"]["Method"])?.to_ascii_uppercase(),
            path: value(&event["Properties"]["Path"])?,
        })
    });
    let folder = own["CodeUri"].as_str().and_then(|uri| uri.rsplit('/').next());
    let folder = folder.with_context(|| format!("function {name} has no CodeUri"))?;
    // Lambda's defaults: 3 seconds, 128 MB.
    let timeout = setting("/Timeout")?.map_or(Ok(3), |seconds| seconds.parse());
    Ok(FunctionSpec {
        name: name.to_owned(),
        binary: folder.to_owned(),
        timeout: Duration::from_secs(timeout.context("Timeout is no number")?),
        memory: setting("/MemorySize")?.unwrap_or_else(|| "128".to_owned()),
        log_level: setting("/LoggingConfig/ApplicationLogLevel")?,
        variables: variables
            .map(|(name, variable)| Ok((name.clone(), value(variable)?)))
            .collect::<Result<_>>()?,
        routes: routes.collect::<Result<_>>()?,
    })
}

/// The pipe, if it leads from a table's stream to an event bus.
fn pipe(template: &Value, name: &str, properties: &Value) -> Result<Option<PipeSpec>> {
    let source = properties["Source"]["GetAtt"].as_str();
    let parameters = &properties["TargetParameters"];
    let event = &parameters["EventBridgeEventBusParameters"];
    let (Some(table), Value::Object(_)) =
        (source.and_then(|source| source.strip_suffix(".StreamArn")), event)
    else {
        return Ok(None);
    };
    let value = |value: &Value| resolve(template, value).with_context(|| format!("in pipe {name}"));
    let filters = &properties["SourceParameters"]["FilterCriteria"]["Filters"];
    if parameters["InputTemplate"].is_null() {
        bail!("the local stack does not support a pipe without InputTemplate, as {name}");
    }
    Ok(Some(PipeSpec {
        name: name.to_owned(),
        table: table.to_owned(),
        filters: elements(filters)
            .map(|filter| value(&filter["Pattern"]))
            .collect::<Result<_>>()?,
        input_template: value(&parameters["InputTemplate"])?,
        source: value(&event["Source"])?,
        detail_type: value(&event["DetailType"])?,
    }))
}

/// A plain value is itself; a reference is a parameter's default or a resource's logical id.
fn resolve(template: &Value, value: &Value) -> Result<String> {
    let Some(name) = value["Ref"].as_str() else {
        return match value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
            _ => bail!("the local stack does not support the value {value}"),
        };
    };
    match (&template["Parameters"][name], &template["Resources"][name]) {
        (Value::Null, Value::Null) => bail!("!Ref {name} refers to nothing in the template"),
        (Value::Null, _) => Ok(name.to_owned()),
        (parameter, _) => resolve(template, &parameter["Default"])
            .with_context(|| format!("the parameter {name} has no default")),
    }
}

fn table(name: &str, properties: &Value) -> Result<TableSpec, BuildError> {
    let attribute = |attribute: &Value| {
        AttributeDefinition::builder()
            .set_attribute_name(text(&attribute["AttributeName"]))
            .set_attribute_type(text(&attribute["AttributeType"]))
            .build()
    };
    let index = |index: &Value| {
        let projection = text(&index["Projection"]["ProjectionType"]);
        GlobalSecondaryIndex::builder()
            .set_index_name(text(&index["IndexName"]))
            .set_key_schema(Some(key_schema(&index["KeySchema"])?))
            .projection(Projection::builder().set_projection_type(projection).build())
            .build()
    };
    let stream = properties["StreamSpecification"].as_object().map(|stream| {
        let builder = StreamSpecification::builder().stream_enabled(true);
        builder.set_stream_view_type(text(&stream["StreamViewType"])).build()
    });
    Ok(TableSpec {
        name: name.to_owned(),
        attributes: elements(&properties["AttributeDefinitions"])
            .map(attribute)
            .collect::<Result<_, _>>()?,
        key: key_schema(&properties["KeySchema"])?,
        indexes: elements(&properties["GlobalSecondaryIndexes"])
            .map(index)
            .collect::<Result<_, _>>()?,
        stream: stream.transpose()?,
        ttl: text(&properties["TimeToLiveSpecification"]["AttributeName"]),
    })
}

fn key_schema(key: &Value) -> Result<Vec<KeySchemaElement>, BuildError> {
    let element = |part: &Value| {
        KeySchemaElement::builder()
            .set_attribute_name(text(&part["AttributeName"]))
            .set_key_type(text(&part["KeyType"]))
            .build()
    };
    elements(key).map(element).collect()
}

fn text<T: for<'a> From<&'a str>>(value: &Value) -> Option<T> {
    value.as_str().map(T::from)
}

fn elements(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn members(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::StreamViewType;

    use super::*;

    #[test]
    fn repository_template_parses() {
        let template = Template::parse(include_str!("../../../template.yaml")).unwrap();
        let binaries: Vec<&str> =
            template.functions.iter().map(|function| function.binary.as_str()).collect();
        assert_eq!(binaries, ["assistant", "pathway"]);
        let assistant = &template.functions[0];
        assert_eq!(assistant.variables["WIDGETS_TABLE"], "Widgets");
        assert_eq!(assistant.variables["API_KEYS_TABLE"], "ApiKeys");
        assert_eq!(
            (assistant.timeout, assistant.memory.as_str()),
            (Duration::from_secs(10), "256")
        );
        assert_eq!(assistant.log_level.as_deref(), Some("INFO"));
        let create = RouteSpec { method: "POST".to_owned(), path: "/api/v1/widget".to_owned() };
        assert!(assistant.routes.contains(&create));
        let tables: Vec<(&str, usize, usize)> = template
            .tables
            .iter()
            .map(|table| (table.name.as_str(), table.key.len(), table.indexes.len()))
            .collect();
        assert_eq!(tables, [("ApiKeys", 1, 0), ("Widgets", 2, 3)]);
        let ttl: Vec<_> = template.tables.iter().map(|table| table.ttl.as_deref()).collect();
        assert_eq!(ttl, [None, Some("ttl")]);
        let view = |table: &TableSpec| table.stream.clone()?.stream_view_type;
        let streams: Vec<_> = template.tables.iter().map(view).collect();
        assert_eq!(streams, [None, Some(StreamViewType::NewImage)]);
        let pipes: Vec<_> = template
            .pipes
            .iter()
            .map(|pipe| [&pipe.name, &pipe.table].map(String::as_str))
            .collect();
        assert_eq!(pipes, [["Changes", "Widgets"]]);
        let pipe = &template.pipes[0];
        assert_eq!(
            (pipe.source.as_str(), pipe.detail_type.as_str(), pipe.filters.len()),
            ("widgets", "Widget Changed", 1)
        );
        assert!(pipe.input_template.contains("<$.dynamodb.Keys.sk.S>"), "{pipe:?}");
    }

    #[test]
    fn pipe_without_input_template_is_an_error_that_names_it() {
        let yaml = "Resources: {P: {Type: 'AWS::Pipes::Pipe', Properties: {Source: !GetAtt T.StreamArn, \
                    TargetParameters: {EventBridgeEventBusParameters: {Source: s, DetailType: d}}}}}";
        let error = format!("{:#}", Template::parse(yaml).unwrap_err());
        assert!(error.contains("a pipe without InputTemplate, as P"), "{error}");
    }

    #[test]
    fn unresolved_reference_is_an_error_that_names_it() {
        let yaml = "Resources: {F: {Type: 'AWS::Serverless::Function', Properties: {CodeUri: f, Timeout: !Ref Missing}}}";
        let error = format!("{:#}", Template::parse(yaml).unwrap_err());
        assert!(error.contains("!Ref Missing"), "{error}");
    }
}
