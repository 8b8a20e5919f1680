//! AWS's Signature Version 4
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>).
//!
//! The SDK's signer serves any request to any service. Here there is one service, one path and no
//! query, so the canonical request is simple and the signing key can be cached: it changes once a
//! day.

use std::fmt::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::config::http::HttpRequest;
use aws_sdk_dynamodb::error::BoxError;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use aws_smithy_runtime_api::client::auth::{
    AuthScheme, AuthSchemeEndpointConfig, AuthSchemeId, Sign,
};
use aws_smithy_runtime_api::client::identity::{Identity, SharedIdentityResolver};
use aws_smithy_runtime_api::client::runtime_components::{GetIdentityResolver, RuntimeComponents};
use aws_smithy_types::config_bag::ConfigBag;
use chrono::{DateTime, SecondsFormat, Utc};

use crate::model::Hash;

/// The id of the authentication scheme.
pub(super) const SCHEME: AuthSchemeId = AuthSchemeId::new("sigv4");

const SERVICE: &str = "dynamodb";

/// The user agent that operators find in CloudTrail.
const USER_AGENT: &str = concat!("widgets/", env!("CARGO_PKG_VERSION"));

/// Signs requests to one endpoint with one pair of keys. `Debug` shows neither of them.
pub(super) struct Signer {
    credentials: Credentials,
    region: String,
    host: String,
    signing_key: Mutex<SigningKey>,
}

/// The key of a day.
struct SigningKey {
    /// `20240115`
    day: String,
    key: Vec<u8>,
}

impl SigningKey {
    fn of(now: SystemTime, credentials: &Credentials, region: &str) -> Self {
        let secret = credentials.secret_access_key();
        let key = generate_signing_key(secret, now, region, SERVICE).as_ref().to_vec();
        let mut day = timestamp(now);
        day.truncate(DAY_LENGTH);
        Self { day, key }
    }
}

/// The length of the day in a [`timestamp`].
const DAY_LENGTH: usize = 8;

/// Returns `20240115T103000Z`.
fn timestamp(now: SystemTime) -> String {
    let time = DateTime::<Utc>::from(now).to_rfc3339_opts(SecondsFormat::Secs, true);
    time.replace(['-', ':'], "")
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("region", &self.region)
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

impl Signer {
    /// Makes a signer of requests with this `Host` header, and the key of this day: no request has
    /// to wait for it.
    pub fn new(credentials: Credentials, region: String, host: String) -> Self {
        let signing_key = SigningKey::of(SystemTime::now(), &credentials, &region);
        Self { credentials, region, host, signing_key: Mutex::new(signing_key) }
    }

    /// Signs the headers that the serializer set, `Host` and the body, as of `now`.
    fn sign(&self, request: &mut HttpRequest, now: SystemTime) -> Result<(), BoxError> {
        let body = request.body().bytes().ok_or("a streamed body cannot be signed")?;
        let body_hash = Hash::of(body);
        let time = timestamp(now);
        let day = time.get(..DAY_LENGTH).ok_or("a time without a day")?;
        let headers = request.headers_mut();
        headers.try_insert("x-amz-date", time.clone())?;
        if let Some(token) = self.credentials.session_token() {
            headers.try_insert("x-amz-security-token", token.to_owned())?;
        }

        let mut signed: Vec<(&str, &str)> = request.headers().iter().collect();
        signed.push(("host", &self.host));
        signed.sort_unstable();
        let names = signed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let mut canonical = "POST\n/\n\n".to_owned();
        for (name, value) in signed {
            writeln!(canonical, "{name}:{}", value.trim())?;
        }
        write!(canonical, "\n{names}\n{body_hash}")?;
        let scope = format!("{day}/{}/{SERVICE}/aws4_request", self.region);
        let to_sign =
            format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", Hash::of(canonical.as_bytes()));
        let signature = self.signature(now, day, to_sign.as_bytes());
        let access_key = self.credentials.access_key_id();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
        );

        let headers = request.headers_mut();
        headers.try_insert("authorization", authorization)?;
        // Not signed: a proxy may add to it.
        headers.try_insert("user-agent", USER_AGENT)?;
        Ok(())
    }

    fn signature(&self, now: SystemTime, day: &str, to_sign: &[u8]) -> String {
        // Nothing panics while the lock is held. If it did, the key would still be the day's key.
        let mut kept = self.signing_key.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.day != day {
            *kept = SigningKey::of(now, &self.credentials, &self.region);
        }
        calculate_signature(&kept.key, to_sign)
    }
}

impl Sign for Signer {
    fn sign_http_request(
        &self,
        request: &mut HttpRequest,
        _: &Identity,
        _: AuthSchemeEndpointConfig<'_>,
        _: &RuntimeComponents,
        _: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.sign(request, SystemTime::now())
    }
}

impl AuthScheme for Signer {
    fn scheme_id(&self) -> AuthSchemeId {
        SCHEME
    }

    fn identity_resolver(
        &self,
        resolvers: &dyn GetIdentityResolver,
    ) -> Option<SharedIdentityResolver> {
        resolvers.identity_resolver(SCHEME)
    }

    fn signer(&self) -> &dyn Sign {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
    use aws_sigv4::sign::v4::SigningParams;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    const BODY: &str = r#"{"TableName":"Widgets"}"#;

    fn request() -> HttpRequest {
        let mut request = HttpRequest::new(SdkBody::from(BODY));
        request.set_method("POST").unwrap();
        request.set_uri("http://localhost:8000/").unwrap();
        request.headers_mut().insert("x-amz-target", "DynamoDB_20120810.GetItem");
        request.headers_mut().insert("content-type", "application/x-amz-json-1.0");
        request
    }

    #[test]
    fn signatures_are_those_of_the_sdk_s_signer() {
        for token in [None, Some("token".to_owned())] {
            let credentials = Credentials::new("AKID", "secret", token, None, "test");
            let signer = Signer::new(
                credentials.clone(),
                "eu-central-1".to_owned(),
                "localhost:8000".to_owned(),
            );
            // The day changes, and changes back.
            for seconds in [1_700_000_000, 1_700_000_001, 1_700_086_400, 1_700_000_000] {
                let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
                let mut ours = request();
                signer.sign(&mut ours, now).unwrap();

                let identity = Identity::from(credentials.clone());
                let params = SigningParams::builder()
                    .identity(&identity)
                    .region("eu-central-1")
                    .name("dynamodb")
                    .time(now)
                    .settings(SigningSettings::default())
                    .build()
                    .unwrap();
                let mut theirs = request();
                let signable = SignableRequest::new(
                    "POST",
                    theirs.uri(),
                    theirs.headers().iter(),
                    SignableBody::Bytes(BODY.as_bytes()),
                );
                let instructions = sign(signable.unwrap(), &params.into()).unwrap().into_parts().0;
                for (name, value) in instructions.headers() {
                    theirs.headers_mut().insert(name.to_owned(), value.to_owned());
                }
                for name in ["authorization", "x-amz-date", "x-amz-security-token"] {
                    assert_eq!(ours.headers().get(name), theirs.headers().get(name), "{name}");
                }
            }
        }
    }

    #[test]
    fn debug_shows_no_credentials() {
        let credentials =
            Credentials::new("AKID", "secret", Some("token".to_owned()), None, "test");
        let signer = Signer::new(credentials, "us-east-1".to_owned(), "localhost".to_owned());
        signer.sign(&mut request(), SystemTime::UNIX_EPOCH).unwrap();
        let shown = format!("{signer:?}");
        assert!(
            !["AKID", "secret", "token"].iter().any(|secret| shown.contains(secret)),
            "{shown}"
        );
    }
}
