//! The stack as CloudFormation creates it from `template.yaml` and a set of parameters.
//!
//! `tests/template/expand.py` runs SAM's own transform beforehand. This module evaluates conditions
//! and intrinsic functions.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use serde_json::{Value, json};
use widgets::local::binaries;

/// What a parameter's value is to be, where it is not the default.
pub type Parameters<'a> = &'a [(&'a str, &'a str)];

/// What is not on by default.
pub const EVERYTHING: Parameters = &[
    ("AlarmTopic", TOPIC),
    ("Deployment", "Canary10Percent5Minutes"),
    ("TableKey", "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"),
    ("Tracing", "Active"),
    DOMAIN[0],
    DOMAIN[1],
    ("HostedZoneId", "Z0123456789ABCDEFGHIJ"),
];

/// A domain and its certificate.
pub const DOMAIN: [(&str, &str); 2] = [
    ("DomainName", "widgets.example.com"),
    (
        "CertificateArn",
        "arn:aws:acm:us-east-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef",
    ),
];

/// What CloudFormation calls the stack. No other stack has the last part.
pub const STACK_ID: &str = "arn:aws:cloudformation:us-east-1:123456789012:stack/widgets/\
                            51af3dc0-da77-11e4-872e-1234567db123";

/// A topic for alarms.
pub const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:alarms";

/// All four ways to turn commands and changes on and off.
pub const SWITCHES: [Parameters; 4] = [
    &[("Commands", "false"), ("ChangeEvents", "false")],
    &[("Commands", "false"), ("ChangeEvents", "true")],
    &[("Commands", "true"), ("ChangeEvents", "false")],
    &[("Commands", "true"), ("ChangeEvents", "true")],
];

/// A stack. What refers to a resource reads as its logical id, and what refers to its attribute as
/// `Id.Attribute`. The third part of an attribute that is split is `Id.Attribute[2]`.
pub struct Stack {
    /// By logical id.
    pub resources: BTreeMap<String, Value>,
    /// By name.
    pub outputs: BTreeMap<String, Value>,
}

impl Stack {
    /// The stack with these parameters. It panics where something refers to what is not there with
    /// them.
    pub fn with(parameters: Parameters) -> Self {
        let template = template(parameters);
        let mut evaluation = Evaluation::of(&template, parameters);
        assert_eq!(evaluation.broken_rules(), [""; 0], "{parameters:?}");
        let resources = evaluation.present("Resources");
        evaluation.resources = resources.keys().cloned().collect();
        let resolve = |(name, value): (String, Value)| (name, evaluation.resolve(&value).unwrap());
        Self {
            resources: resources.into_iter().map(resolve).collect(),
            outputs: evaluation.present("Outputs").into_iter().map(resolve).collect(),
        }
    }

    /// The properties of the resources of a type.
    pub fn of_type(&self, kind: &'static str) -> impl Iterator<Item = (&str, &Value)> {
        let resources = self.resources.iter().filter(move |(_, resource)| resource["Type"] == kind);
        resources.map(|(name, resource)| (name.as_str(), &resource["Properties"]))
    }

    /// The properties of one resource.
    pub fn properties(&self, name: &str) -> &Value {
        &self.resources[name]["Properties"]
    }

    /// What a role is allowed, by itself and by policies beside it.
    pub fn statements(&self, role: &str) -> Vec<&Value> {
        let own = self.properties(role)["Policies"].as_array().into_iter().flatten();
        let beside = self.of_type("AWS::IAM::RolePolicy").map(|(_, policy)| policy);
        let policies = own.chain(beside.filter(|policy| policy["RoleName"] == role));
        policies.flat_map(|policy| list(&policy["PolicyDocument"]["Statement"])).collect()
    }
}

/// What CloudFormation says to a set of parameters that the template's rules forbid.
pub fn broken_rules(parameters: Parameters) -> Vec<String> {
    Evaluation::of(&template(parameters), parameters).broken_rules()
}

/// The expansion that these parameters lead to.
fn template(parameters: Parameters) -> Value {
    let is_gradual =
        parameters.iter().any(|&(name, value)| name == "Deployment" && value != "AllAtOnce");
    expanded(if is_gradual { "everything" } else { "defaults" })
}

/// One or several, as policies have them.
pub fn list(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |values| values.iter().collect())
}

/// What an attribute of a resource is of: `Widgets` of `Widgets.Arn`.
pub fn owner(value: &Value) -> &str {
    value.as_str().unwrap().split('.').next().unwrap()
}

/// One of the two expansions, as SAM made it.
pub fn expanded(name: &str) -> Value {
    let file = binaries::workspace().join(format!("tests/template/{name}.json"));
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

struct Evaluation<'a> {
    template: &'a Value,
    parameters: BTreeMap<String, Value>,
    resources: BTreeSet<String>,
}

impl<'a> Evaluation<'a> {
    fn of(template: &'a Value, parameters: Parameters) -> Self {
        let mut values = BTreeMap::new();
        for (name, parameter) in template["Parameters"].as_object().unwrap() {
            let given = parameters.iter().find(|&(given, _)| given == name);
            values.insert(
                name.clone(),
                given.map_or_else(|| parameter["Default"].clone(), |&(_, value)| json!(value)),
            );
        }
        assert!(parameters.iter().all(|&(name, _)| values.contains_key(name)), "{parameters:?}");
        Self { template, parameters: values, resources: BTreeSet::new() }
    }

    fn broken_rules(&self) -> Vec<String> {
        let rules = self.template["Rules"].as_object().unwrap().values();
        let broken = rules
            .flat_map(|rule| list(&rule["Assertions"]))
            .filter(|assertion| !self.is_true(&assertion["Assert"]));
        broken.map(|it| it["AssertDescription"].as_str().unwrap().to_owned()).collect()
    }

    /// The members of a section whose conditions hold.
    fn present(&self, section: &str) -> BTreeMap<String, Value> {
        let members = self.template[section].as_object().unwrap().iter();
        let present = members
            .filter(|(_, member)| member["Condition"].as_str().is_none_or(|name| self.holds(name)));
        present.map(|(name, member)| (name.clone(), member.clone())).collect()
    }

    fn holds(&self, condition: &str) -> bool {
        self.is_true(&self.template["Conditions"][condition])
    }

    fn is_true(&self, condition: &Value) -> bool {
        let (function, argument) = condition.as_object().unwrap().iter().next().unwrap();
        let mut arguments = list(argument).into_iter();
        match function.as_str() {
            "Condition" => self.holds(argument.as_str().unwrap()),
            "Fn::Equals" => self.resolve(&argument[0]) == self.resolve(&argument[1]),
            "Fn::Not" => !self.is_true(&argument[0]),
            "Fn::Or" => arguments.any(|argument| self.is_true(argument)),
            unknown => panic!("{unknown}"),
        }
    }

    /// The value, or nothing where it is `AWS::NoValue`.
    fn resolve(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Array(values) => {
                Some(values.iter().filter_map(|value| self.resolve(value)).collect())
            }
            Value::Object(members) => match members.iter().next() {
                Some((function, argument)) if function == "Ref" || function.starts_with("Fn::") => {
                    assert_eq!(members.len(), 1, "{value}");
                    self.call(function, argument)
                }
                _ => {
                    let resolved = members
                        .iter()
                        .filter_map(|(name, value)| Some((name.clone(), self.resolve(value)?)));
                    Some(Value::Object(resolved.collect()))
                }
            },
            _ => Some(value.clone()),
        }
    }

    fn call(&self, function: &str, argument: &Value) -> Option<Value> {
        match function {
            "Ref" => self.reference(argument.as_str().unwrap()),
            "Fn::GetAtt" => {
                let [name, attribute] = [0, 1].map(|index| argument[index].as_str().unwrap());
                self.reference(&format!("{name}.{attribute}"))
            }
            "Fn::If" => self
                .resolve(&argument[if self.holds(argument[0].as_str().unwrap()) { 1 } else { 2 }]),
            "Fn::Select" => {
                let index = argument[0].as_u64().unwrap();
                let [separator, text] = [0, 1].map(|part| &argument[1]["Fn::Split"][part]);
                let text = self.resolve(text).unwrap();
                let text = text.as_str().unwrap();
                let part =
                    text.split(separator.as_str().unwrap()).nth(usize::try_from(index).unwrap());
                // An attribute is a name here, which has no such part.
                Some(part.map_or_else(|| json!(format!("{text}[{index}]")), |part| json!(part)))
            }
            "Fn::Sub" => {
                let (text, own) = (list(argument)[0].as_str().unwrap(), &argument[1]);
                let mut parts = text.split("${");
                let mut result = parts.next().unwrap().to_owned();
                for part in parts {
                    let (name, rest) = part.split_once('}').unwrap();
                    let value = own
                        .get(name)
                        .map_or_else(|| self.reference(name), |value| self.resolve(value))
                        .unwrap();
                    result
                        .push_str(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
                    result.push_str(rest);
                }
                Some(result.into())
            }
            unknown => panic!("{unknown}"),
        }
    }

    fn reference(&self, name: &str) -> Option<Value> {
        Some(match name {
            "AWS::NoValue" => return None,
            "AWS::AccountId" => json!("123456789012"),
            "AWS::Partition" => json!("aws"),
            "AWS::Region" => json!("us-east-1"),
            "AWS::StackName" => json!("widgets"),
            "AWS::StackId" => json!(STACK_ID),
            _ => self.parameters.get(name).cloned().unwrap_or_else(|| {
                let resource = name.split('.').next().unwrap();
                assert!(
                    self.resources.contains(resource),
                    "{name} is not there with {:?}",
                    self.parameters
                );
                json!(name)
            }),
        })
    }
}
