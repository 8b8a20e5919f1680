//! What the local stack takes from `template.yaml`: functions, routes and tables, so that what answers locally is what
//! is deployed.

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
    /// The attributes that its keys are made of: name and type.
    pub attributes: Vec<(String, String)>,
    /// Its primary key: attribute and `HASH` or `RANGE`.
    pub key: Vec<(String, String)>,
    /// Its global secondary indexes.
    pub indexes: Vec<IndexSpec>,
    /// The attribute that says when an item is to be deleted.
    pub ttl: Option<String>,
}

/// A global secondary index.
#[derive(Debug, Clone)]
pub struct IndexSpec {
    /// Its name.
    pub name: String,
    /// Its key, as a table's.
    pub key: Vec<(String, String)>,
    /// `ALL` or `KEYS_ONLY`.
    pub projection: String,
}

impl Template {
    /// Reads the template of the checkout in `folder`.
    pub fn read(folder: &Path) -> Result<Self> {
        let file = folder.join("template.yaml");
        let yaml = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        Self::parse(&yaml)
    }

    /// Reads a template's text.
    pub fn parse(yaml: &str) -> Result<Self> {
        let document: Document = serde_saphyr::from_str(yaml).context("template.yaml cannot be read")?;
        let mut functions = Vec::new();
        let mut tables = Vec::new();
        for (name, resource) in &document.resources {
            match resource.kind.as_str() {
                "AWS::Serverless::Function" => functions.push(document.function(name, resource)?),
                "AWS::DynamoDB::Table" => tables.push(table(name, &resource.properties)),
                _ => {}
            }
        }
        Ok(Self { functions, tables })
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
        let timeout: u64 = value(|properties| &properties.timeout, "3")?.parse().context("Timeout is no number")?;
        let memory = value(|properties| &properties.memory_size, "128")?;
        let mut variables = BTreeMap::new();
        for (variable, scalar) in common.environment.variables.iter().chain(&own.environment.variables) {
            variables.insert(variable.clone(), self.resolve(scalar)?);
        }
        let level = |properties: &Properties| properties.logging_config.application_log_level.clone();
        let logging = level(own).or_else(|| level(common));
        let log_level = logging.map(|scalar| self.resolve(&scalar)).transpose()?;
        let routes = own.events.values().filter(|event| event.kind == "HttpApi").map(|event| RouteSpec {
            method: event.properties.method.to_ascii_uppercase(),
            path: event.properties.path.clone(),
        });
        Ok(FunctionSpec {
            name: name.to_owned(),
            binary: resource.metadata.build_properties.binary.clone().unwrap_or_else(|| name.to_ascii_lowercase()),
            timeout: Duration::from_secs(timeout),
            memory,
            log_level,
            variables,
            routes: routes.collect(),
        })
    }

    /// A plain value is itself; a reference is a parameter's default or a resource's logical id.
    fn resolve(&self, Tagged(value, tag): &Scalar) -> Result<String> {
        match tag.as_deref() {
            None => Ok(value.clone()),
            Some("!Ref") => match self.parameters.get(value) {
                Some(parameter) => {
                    parameter.default.clone().with_context(|| format!("the parameter {value} has no default"))
                }
                None if self.resources.contains_key(value) => Ok(value.clone()),
                None => bail!("!Ref {value} refers to nothing in the template"),
            },
            Some(tag) => bail!("the local stack does not know {tag} {value}"),
        }
    }
}

fn table(name: &str, properties: &Properties) -> TableSpec {
    TableSpec {
        name: name.to_owned(),
        attributes: properties
            .attribute_definitions
            .iter()
            .map(|definition| (definition.attribute_name.clone(), definition.attribute_type.clone()))
            .collect(),
        key: key(&properties.key_schema),
        indexes: properties
            .global_secondary_indexes
            .iter()
            .map(|index| IndexSpec {
                name: index.index_name.clone(),
                key: key(&index.key_schema),
                projection: index.projection.projection_type.clone(),
            })
            .collect(),
        ttl: properties.time_to_live_specification.as_ref().map(|ttl| ttl.attribute_name.clone()),
    }
}

fn key(schema: &[Key]) -> Vec<(String, String)> {
    schema.iter().map(|key| (key.attribute_name.clone(), key.key_type.clone())).collect()
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

/// The properties that matter here, of functions and tables alike: their names do not collide.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Properties {
    timeout: Option<Scalar>,
    memory_size: Option<Scalar>,
    environment: Environment,
    logging_config: LoggingConfig,
    events: BTreeMap<String, Event>,
    attribute_definitions: Vec<AttributeDefinition>,
    key_schema: Vec<Key>,
    global_secondary_indexes: Vec<Index>,
    time_to_live_specification: Option<TimeToLive>,
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
    properties: Route,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Route {
    method: String,
    path: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AttributeDefinition {
    attribute_name: String,
    attribute_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Key {
    attribute_name: String,
    key_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Index {
    index_name: String,
    key_schema: Vec<Key>,
    projection: Projection,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Projection {
    projection_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TimeToLive {
    attribute_name: String,
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
    fn the_template_of_this_repository_is_understood() {
        let template = Template::parse(include_str!("../../template.yaml")).unwrap();
        let binaries: Vec<&str> = template.functions.iter().map(|function| function.binary.as_str()).collect();
        assert_eq!(binaries, ["assistant", "pathway"]);
        let assistant = &template.functions[0];
        assert_eq!(assistant.variables["WIDGETS_TABLE"], "Widgets");
        assert_eq!(assistant.variables["API_KEYS_TABLE"], "ApiKeys");
        assert_eq!((assistant.timeout, assistant.memory.as_str()), (Duration::from_secs(10), "256"));
        assert_eq!(assistant.log_level.as_deref(), Some("INFO"));
        let create = RouteSpec { method: "POST".to_owned(), path: "/api/v1/widget".to_owned() };
        assert!(assistant.routes.contains(&create));
        let tables: Vec<(&str, usize, usize)> =
            template.tables.iter().map(|table| (table.name.as_str(), table.key.len(), table.indexes.len())).collect();
        assert_eq!(tables, [("ApiKeys", 1, 0), ("Widgets", 2, 3)]);
        let ttl: Vec<_> = template.tables.iter().map(|table| table.ttl.as_deref()).collect();
        assert_eq!(ttl, [None, Some("ttl")]);
    }

    #[test]
    fn a_reference_to_nothing_is_an_error_that_names_it() {
        let yaml = "Resources: {F: {Type: 'AWS::Serverless::Function', Properties: {Timeout: !Ref Missing}}}";
        let error = format!("{:#}", Template::parse(yaml).unwrap_err());
        assert!(error.contains("!Ref Missing"), "{error}");
    }
}
