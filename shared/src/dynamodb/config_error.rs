//! Why a function cannot start.

use std::error::Error;
use std::fmt;

/// Says why a function cannot start: its environment is not as the template sets it.
#[derive(Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// A variable is not set.
    Missing(&'static str),
    /// The file in `AWS_CA_BUNDLE` is not a PEM file of certificates.
    CaBundle(String),
    /// The address of DynamoDB is not the URL of a server.
    Endpoint,
    /// FIPS or dual-stack is asked for together with an endpoint URL.
    EndpointVariant,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "the environment variable {name} is not set"),
            Self::CaBundle(error) => {
                write!(f, "the file named by AWS_CA_BUNDLE cannot be used: {error}")
            }
            Self::Endpoint => f.write_str(
                "the address of DynamoDB is no URL of a server (http:// or https://, and no path): look at \
                 AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL and AWS_REGION",
            ),
            Self::EndpointVariant => f.write_str(
                "AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT have no meaning for an endpoint of \
                 your own: unset them, or AWS_ENDPOINT_URL_DYNAMODB and AWS_ENDPOINT_URL",
            ),
        }
    }
}

impl Error for ConfigError {}
