//! What the local stack takes from `template.yaml`: functions, routes, tables and pipes, so that
//! what answers locally is what is deployed.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_saphyr::Tagged;

/// What is deployed.
#[derive(Debug, Clone)]
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
    /// The binary that is its `bootstrap`.
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
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
    pub attributes: Vec<AttributeSpec>,
    /// Its primary key.
    pub key: Vec<KeyPart>,
    /// Its global secondary indexes.
    pub indexes: Vec<IndexSpec>,
    /// What its stream shows of a changed item, such as `NEW_IMAGE`, where it has a stream.
    pub stream: Option<String>,
    /// The attribute that says when an item is to be deleted.
    pub ttl: Option<String>,
}

/// An attribute that a key is made of.
#[derive(Debug, Clone, Deserialize)]
pub struct AttributeSpec {
    /// Its name.
    #[serde(rename = "AttributeName")]
    pub name: String,
    /// `S`, `N` or `B`.
    #[serde(rename = "AttributeType")]
    pub kind: String,
}

/// A part of a key.
#[derive(Debug, Clone, Deserialize)]
pub struct KeyPart {
    /// The attribute.
    #[serde(rename = "AttributeName")]
    pub attribute: String,
    /// `HASH` or `RANGE`.
    #[serde(rename = "KeyType")]
    pub kind: String,
}

/// A global secondary index.
#[derive(Debug, Clone, Deserialize)]
pub struct IndexSpec {
    /// Its name.
    #[serde(rename = "IndexName")]
    pub name: String,
    /// Its key, as a table's.
    #[serde(rename = "KeySchema")]
    pub key: Vec<KeyPart>,
    /// What it holds of an item.
    #[serde(rename = "Projection")]
    pub projection: ProjectionSpec,
}

/// What an index holds of an item.
#[derive(Debug, Clone, Deserialize)]
pub struct ProjectionSpec {
    /// `ALL` or `KEYS_ONLY`.
    #[serde(rename = "ProjectionType")]
    pub kind: String,
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

    /// Reads a template's text.
    pub fn parse(yaml: &str) -> Result<Self> {
        let document: Document =
            serde_saphyr::from_str(yaml).context("template.yaml cannot be read")?;
        let mut functions = Vec::new();
        let mut tables = Vec::new();
        let mut pipes = Vec::new();
        for (name, resource) in &document.resources {
            match resource.kind.as_str() {
                "AWS::Serverless::Function" => functions.push(document.function(name, resource)?),
                "AWS::DynamoDB::Table" => tables.push(table(name, &resource.properties)),
                "AWS::Pipes::Pipe" => pipes.extend(document.pipe(name, &resource.properties)?),
                _ => {}
            }
        }
        Ok(Self { functions, tables, pipes })
    }

    /// The same with tables that have no streams, for what measures: a store in memory looks
    /// through all of a stream's records at each write, which DynamoDB does not.
    pub fn without_streams(mut self) -> Self {
        self.tables.iter_mut().for_each(|table| table.stream = None);
        self
    }
}

impl Document {
    fn function(&self, name: &str, resource: &Resource) -> Result<FunctionSpec> {
        let own = &resource.properties;
        let common = &self.globals.function;
        let value = |pick: fn(&Properties) -> &Option<Scalar>, default: &str| -> Result<String> {
            match pick(own).as_ref().or(pick(common).as_ref()) {
                Some(scalar) => self.resolve(scalar).with_context(|| format!("in function {name}")),
                None => Ok(default.to_owned()),
            }
        };
        // Lambda's defaults: 3 seconds, 128 MB.
        let timeout: u64 = value(|properties| &properties.timeout, "3")?
            .parse()
            .context("Timeout is no number")?;
        let memory = value(|properties| &properties.memory_size, "128")?;
        let mut variables = BTreeMap::new();
        for (variable, scalar) in
            common.environment.variables.iter().chain(&own.environment.variables)
        {
            variables.insert(variable.clone(), self.resolve(scalar)?);
        }
        let level =
            |properties: &Properties| properties.logging_config.application_log_level.clone();
        let logging = level(own).or_else(|| level(common));
        let log_level = logging.map(|scalar| self.resolve(&scalar)).transpose()?;
        let routes =
            own.events.values().filter(|event| event.kind == "HttpApi").map(|event| RouteSpec {
                method: event.properties.method.to_ascii_uppercase(),
                path: event.properties.path.clone(),
            });
        Ok(FunctionSpec {
            name: name.to_owned(),
            binary: resource
                .metadata
                .build_properties
                .binary
                .clone()
                .unwrap_or_else(|| name.to_ascii_lowercase()),
            timeout: Duration::from_secs(timeout),
            memory,
            log_level,
            variables,
            routes: routes.collect(),
        })
    }

    /// The pipe, if it leads from a table's stream to an event bus.
    fn pipe(&self, name: &str, properties: &Properties) -> Result<Option<PipeSpec>> {
        let parameters = &properties.target_parameters;
        let (Some(table), Some(event)) = (
            attribute_of(properties.source.as_ref(), "StreamArn"),
            &parameters.event_bridge_event_bus_parameters,
        ) else {
            return Ok(None);
        };
        let value =
            |scalar: &Scalar| self.resolve(scalar).with_context(|| format!("in pipe {name}"));
        let filters = &properties.source_parameters.filter_criteria.filters;
        let input_template = parameters.input_template.as_ref().with_context(|| {
            format!("the local stack does not support a pipe without InputTemplate, as {name}")
        })?;
        Ok(Some(PipeSpec {
            name: name.to_owned(),
            table,
            filters: filters.iter().map(|filter| value(&filter.pattern)).collect::<Result<_>>()?,
            input_template: value(input_template)?,
            source: value(&event.source)?,
            detail_type: value(&event.detail_type)?,
        }))
    }

    /// A plain value is itself; a reference is a parameter's default or a resource's logical id.
    fn resolve(&self, Tagged(value, tag): &Scalar) -> Result<String> {
        match tag.as_deref() {
            None => Ok(value.clone()),
            Some("!Ref") => match self.parameters.get(value) {
                Some(parameter) => parameter
                    .default
                    .clone()
                    .with_context(|| format!("the parameter {value} has no default")),
                None if self.resources.contains_key(value) => Ok(value.clone()),
                None => bail!("!Ref {value} refers to nothing in the template"),
            },
            Some(tag) => bail!("the local stack does not know {tag} {value}"),
        }
    }
}

/// The logical id of the resource whose `attribute` a value is: `Widgets` of `!GetAtt
/// Widgets.StreamArn`.
fn attribute_of(value: Option<&Scalar>, attribute: &str) -> Option<String> {
    let Tagged(value, tag) = value?;
    let (name, named) = value.split_once('.')?;
    (tag.as_deref() == Some("!GetAtt") && named == attribute).then(|| name.to_owned())
}

fn table(name: &str, properties: &Properties) -> TableSpec {
    let stream = properties.stream_specification.as_ref();
    let ttl = properties.time_to_live_specification.as_ref();
    TableSpec {
        name: name.to_owned(),
        attributes: properties.attribute_definitions.clone(),
        key: properties.key_schema.clone(),
        indexes: properties.global_secondary_indexes.clone(),
        stream: stream.map(|stream| stream.stream_view_type.clone()),
        ttl: ttl.map(|ttl| ttl.attribute_name.clone()),
    }
}

/// A value and the YAML tag before it, such as `!Ref`.
type Scalar = Tagged<String>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    #[serde(default)]
    parameters: BTreeMap<String, Parameter>,
    #[serde(default)]
    globals: Globals,
    resources: BTreeMap<String, Resource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    default: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Globals {
    function: Properties,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(rename = "Type")]
    kind: String,
    #[serde(rename = "Properties", default)]
    properties: Properties,
    #[serde(rename = "Metadata", default)]
    metadata: Metadata,
}

/// The properties that matter here, of functions, tables and pipes alike: their names do not
/// collide.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Properties {
    timeout: Option<Scalar>,
    memory_size: Option<Scalar>,
    environment: Environment,
    logging_config: LoggingConfig,
    events: BTreeMap<String, Event>,
    attribute_definitions: Vec<AttributeSpec>,
    key_schema: Vec<KeyPart>,
    global_secondary_indexes: Vec<IndexSpec>,
    stream_specification: Option<StreamSpecification>,
    time_to_live_specification: Option<TimeToLive>,
    source: Option<Scalar>,
    source_parameters: SourceParameters,
    target_parameters: TargetParameters,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Environment {
    variables: BTreeMap<String, Scalar>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct LoggingConfig {
    application_log_level: Option<Scalar>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "Type")]
    kind: String,
    #[serde(rename = "Properties", default)]
    properties: RouteSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StreamSpecification {
    stream_view_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TimeToLive {
    attribute_name: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct SourceParameters {
    filter_criteria: FilterCriteria,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct FilterCriteria {
    filters: Vec<Filter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    pattern: Scalar,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct TargetParameters {
    input_template: Option<Scalar>,
    event_bridge_event_bus_parameters: Option<EventBusParameters>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EventBusParameters {
    source: Scalar,
    detail_type: Scalar,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Metadata {
    build_properties: BuildProperties,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct BuildProperties {
    binary: Option<String>,
}

#[cfg(test)]
mod tests {
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
        let streams: Vec<_> = template.tables.iter().map(|table| table.stream.as_deref()).collect();
        assert_eq!(streams, [None, Some("NEW_IMAGE")]);
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
        let yaml = "Resources: {F: {Type: 'AWS::Serverless::Function', Properties: {Timeout: !Ref Missing}}}";
        let error = format!("{:#}", Template::parse(yaml).unwrap_err());
        assert!(error.contains("!Ref Missing"), "{error}");
    }
}
