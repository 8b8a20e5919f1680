//! The endpoint of DynamoDB (<https://docs.aws.amazon.com/general/latest/gr/ddb.html>).

use url::Url;

use super::config_error::ConfigError;

/// What the environment says of the endpoint, besides the region.
#[derive(Debug, Default)]
pub(super) struct EndpointOptions {
    /// The URL that the environment names, in place of the region's.
    pub url: Option<String>,
    /// A FIPS 140 endpoint.
    pub use_fips: bool,
    /// An endpoint that is reached by IPv4 and IPv6.
    pub use_dual_stack: bool,
}

/// The partitions of AWS: the prefix of their regions, and the suffixes of their ordinary and of
/// their dual-stack endpoints. The last one has every other region.
const PARTITIONS: [(&str, &str, &str); 7] = [
    ("cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    ("eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
    ("us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
    ("eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    ("us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    ("", "amazonaws.com", "api.aws"),
];

/// Returns the URL of DynamoDB, as the SDK's resolver does.
///
/// # Errors
///
/// [`ConfigError::Endpoint`] if it is not the URL of a server, and
/// [`ConfigError::EndpointVariant`] if a URL excludes what else is asked for.
pub(super) fn resolve(region: &str, options: &EndpointOptions) -> Result<Url, ConfigError> {
    let url = match &options.url {
        Some(_) if options.use_fips || options.use_dual_stack => {
            return Err(ConfigError::EndpointVariant);
        }
        Some(url) => url.clone(),
        None => of_region(region, options),
    };
    Url::parse(&url).ok().filter(is_server).ok_or(ConfigError::Endpoint)
}

fn of_region(region: &str, options: &EndpointOptions) -> String {
    let is_in = |(prefix, ..): &&(&str, _, _)| region.starts_with(prefix);
    let (_, ordinary, dual_stack) = PARTITIONS.iter().find(is_in).unwrap_or(&PARTITIONS[6]);
    let suffix = if options.use_dual_stack { dual_stack } else { ordinary };
    // GovCloud's ordinary endpoints are FIPS endpoints.
    let is_fips_already = region.starts_with("us-gov-") && !options.use_dual_stack;
    let fips = if options.use_fips && !is_fips_already { "-fips" } else { "" };
    format!("https://dynamodb{fips}.{region}.{suffix}")
}

/// Returns whether `url` names a server and nothing else: the signature covers nothing else.
fn is_server(url: &Url) -> bool {
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let is_anonymous = url.username().is_empty() && url.password().is_none();
    matches!(url.scheme(), "http" | "https") && url.has_host() && is_bare && is_anonymous
}

/// Returns the `Host` header of requests to `url`.
pub(super) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};

    use super::*;

    const REGIONS: [&str; 14] = [
        "us-east-1",
        "eu-central-1",
        "ap-southeast-7",
        "mx-central-1",
        "il-central-1",
        "us-gov-west-1",
        "us-gov-east-1",
        "cn-north-1",
        "cn-northwest-1",
        "eusc-de-east-1",
        "us-iso-east-1",
        "us-isob-east-1",
        "eu-isoe-west-1",
        "us-isof-south-1",
    ];

    /// Compares with the SDK's resolver.
    async fn compare(region: &str, options: &EndpointOptions) {
        let params = Params::builder()
            .region(region)
            .use_fips(options.use_fips)
            .use_dual_stack(options.use_dual_stack)
            .set_endpoint(options.url.clone());
        let sdk = DefaultResolver::new().resolve_endpoint(&params.build().unwrap()).await;
        let sdk = sdk.ok().map(|endpoint| Url::parse(endpoint.url()).unwrap());
        assert_eq!(resolve(region, options).ok(), sdk, "{region} {options:?}");
    }

    #[tokio::test]
    async fn every_region_has_the_endpoint_of_the_sdk_s_resolver() {
        for region in REGIONS {
            for (use_fips, use_dual_stack) in
                [(false, false), (true, false), (false, true), (true, true)]
            {
                for url in [None, Some("http://localhost:8000".to_owned())] {
                    compare(region, &EndpointOptions { url, use_fips, use_dual_stack }).await;
                }
            }
        }
    }

    #[test]
    fn what_is_not_the_url_of_a_server_is_rejected() {
        let resolve = |region: &str, url: Option<&str>| {
            let url = url.map(str::to_owned);
            resolve(region, &EndpointOptions { url, ..EndpointOptions::default() })
        };
        for url in [
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
            assert_eq!(resolve("us-east-1", Some(url)), Err(ConfigError::Endpoint), "{url}");
        }
        assert_eq!(resolve("no region", None), Err(ConfigError::Endpoint));
    }

    #[test]
    fn host_has_the_port_unless_it_is_the_scheme_s() {
        for (url, expected) in [
            ("https://dynamodb.us-east-1.amazonaws.com", "dynamodb.us-east-1.amazonaws.com"),
            ("https://vpce-1.vpce.amazonaws.com:443/", "vpce-1.vpce.amazonaws.com"),
            ("http://127.0.0.1:8000", "127.0.0.1:8000"),
            ("http://[::1]:8000/", "[::1]:8000"),
            ("http://localhost:443", "localhost:443"),
        ] {
            assert_eq!(host(&Url::parse(url).unwrap()), expected);
        }
    }
}
