//! Where DynamoDB is and who calls it: what a function finds in its environment.

use std::{env, error::Error as StdError, fmt};

use aws_sdk_dynamodb::config::Credentials;
use url::Url;

/// Where DynamoDB is and who calls it. It has no `Debug`, since the credentials' shows a part of them.
pub struct Access {
    /// AWS's region.
    pub region: String,
    /// The URL of another store than the region's: scheme, host and port.
    pub endpoint: Option<String>,
    /// Whose calls they are.
    pub credentials: Credentials,
}

impl Access {
    /// What Lambda sets in the environment
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>). `AWS_ENDPOINT_URL_DYNAMODB` points elsewhere.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self {
            region: variable("AWS_REGION")?,
            endpoint: variable("AWS_ENDPOINT_URL_DYNAMODB")
                .or_else(|_| variable("AWS_ENDPOINT_URL"))
                .ok(),
            credentials: Credentials::new(
                variable("AWS_ACCESS_KEY_ID")?,
                variable("AWS_SECRET_ACCESS_KEY")?,
                variable("AWS_SESSION_TOKEN").ok(),
                None,
                "environment",
            ),
        })
    }

    /// The URL of the store (<https://docs.aws.amazon.com/general/latest/gr/ddb.html>). What else than a server a URL may name would
    /// be no part of what is signed.
    pub(super) fn endpoint(&self) -> Result<Url, ConfigError> {
        let url = match &self.endpoint {
            Some(url) => url.clone(),
            None => format!("https://dynamodb.{}.{}", self.region, dns_suffix(&self.region)),
        };
        let is_server = |url: &Url| {
            let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
            let is_for_all = url.username().is_empty() && url.password().is_none();
            matches!(url.scheme(), "http" | "https") && url.has_host() && is_bare && is_for_all
        };
        Url::parse(&url).ok().filter(is_server).ok_or(ConfigError::Endpoint)
    }
}

/// What the names of AWS's services end with in a region: each of AWS's partitions has a name of its own.
fn dns_suffix(region: &str) -> &'static str {
    const SUFFIXES: [(&str, &str); 6] = [
        ("cn-", "amazonaws.com.cn"),
        ("eusc-", "amazonaws.eu"),
        ("us-iso-", "c2s.ic.gov"),
        ("us-isob-", "sc2s.sgov.gov"),
        ("eu-isoe-", "cloud.adc-e.uk"),
        ("us-isof-", "csp.hci.ic.gov"),
    ];
    let suffix = SUFFIXES.iter().find(|(prefix, _)| region.starts_with(prefix));
    suffix.map_or("amazonaws.com", |(_, suffix)| suffix)
}

/// Why a function cannot start: its environment is not as the template sets it.
#[derive(Debug)]
pub enum ConfigError {
    /// A variable that must be there is not.
    Missing(&'static str),
    /// The file that `AWS_CA_BUNDLE` names is no PEM file of certificates.
    CaBundle(String),
    /// The store's address is no URL of a server.
    Endpoint,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "the environment variable {name} is not set"),
            Self::Endpoint => f.write_str(
                "the store's address is no URL of a server (http:// or https://, and no path): look at \
                 AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL and AWS_REGION",
            ),
            Self::CaBundle(error) => write!(f, "the file named by AWS_CA_BUNDLE cannot be used: {error}"),
        }
    }
}

impl StdError for ConfigError {}

/// The value of an environment variable that must be there.
pub fn variable(name: &'static str) -> Result<String, ConfigError> {
    env::var(name).ok().filter(|value| !value.is_empty()).ok_or(ConfigError::Missing(name))
}

/// The `Host` header of requests to a URL.
pub(super) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};

    use super::*;

    fn access(region: &str, endpoint: Option<&str>) -> Access {
        let credentials = Credentials::new("AKID", "secret", None, None, "test");
        Access { region: region.to_owned(), endpoint: endpoint.map(str::to_owned), credentials }
    }

    #[tokio::test]
    async fn each_region_s_endpoint_is_the_one_that_the_sdk_finds() {
        let regions = [
            "us-east-1",
            "eu-central-1",
            "ap-southeast-7",
            "mx-central-1",
            "il-central-1",
            "us-gov-west-1",
            "cn-north-1",
            "cn-northwest-1",
            "eusc-de-east-1",
            "us-iso-east-1",
            "us-isob-east-1",
            "eu-isoe-west-1",
            "us-isof-south-1",
        ];
        for region in regions {
            let params = Params::builder().region(region).build().unwrap();
            let theirs = DefaultResolver::new().resolve_endpoint(&params).await.unwrap();
            assert_eq!(
                access(region, None).endpoint().unwrap().as_str().trim_end_matches('/'),
                theirs.url()
            );
        }
    }

    #[test]
    fn what_is_no_address_is_refused_before_anything_is_sent() {
        for endpoint in [
            "",
            "localhost:8000",
            "ftp://localhost",
            "http://",
            "/",
            "http://localhost/path",
            "http://localhost/?query",
            "http://localhost/#fragment",
            "http://user@localhost",
            "http://:password@localhost",
        ] {
            let refused = access("us-east-1", Some(endpoint)).endpoint();
            assert!(matches!(refused, Err(ConfigError::Endpoint)), "{endpoint}");
        }
        assert!(matches!(access("no region", None).endpoint(), Err(ConfigError::Endpoint)));
    }

    #[test]
    fn the_host_is_told_with_its_port_where_that_is_not_the_scheme_s() {
        for (endpoint, told) in [
            ("https://dynamodb.us-east-1.amazonaws.com", "dynamodb.us-east-1.amazonaws.com"),
            (
                "https://vpce-1.dynamodb.us-east-1.vpce.amazonaws.com:443/",
                "vpce-1.dynamodb.us-east-1.vpce.amazonaws.com",
            ),
            ("http://127.0.0.1:8000", "127.0.0.1:8000"),
            ("http://[::1]:8000/", "[::1]:8000"),
            ("http://localhost:443", "localhost:443"),
        ] {
            assert_eq!(host(&Url::parse(endpoint).unwrap()), told);
        }
    }
}
