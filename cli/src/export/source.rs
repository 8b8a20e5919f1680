//! A service and its list of widgets, in the terms of its dialect.

use anyhow::{Context, Result, ensure};
use url::Url;

use super::{
    assistant,
    http::{Answer, Client, Credential},
    key::Key,
    pathway,
    widget::Widget,
};
use crate::dialect::Dialect;

/// A service to export from.
pub struct Source {
    /// The URL of the list, without a query.
    pub list: Url,
    dialect: Dialect,
    client: Client,
}

/// Widgets, as one answer has them.
pub struct Page<'a> {
    /// The widgets.
    pub widgets: Vec<Widget<'a>>,
    /// How many widgets there are on all pages, if the service tells.
    pub total: Option<u64>,
    /// Where the next page is; none after the last.
    pub next: Option<Url>,
}

/// Parses the address of a service. The error does not quote it: it may hold a key, pasted with the
/// rest.
pub fn base_url(text: &str) -> Result<Url> {
    let url = Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    url.context(
        "--from must be the address of the service without /api/v1/widget or /v1/widgets, such as \
         https://api.bland.ai",
    )
}

impl Source {
    /// Makes the service at `base`, which may have a path, as a stage of API Gateway has.
    pub fn new(base: Url, dialect: Dialect, key: Key) -> Result<Self> {
        let (path, credential) = match dialect {
            Dialect::Assistant => ("api/v1/widget", Credential::Query(key)),
            Dialect::Pathway => ("v1/widgets", Credential::Header(key)),
        };
        let mut list = base;
        if let Ok(mut segments) = list.path_segments_mut() {
            segments.pop_if_empty().extend(path.split('/'));
        }
        Ok(Self { list, dialect, client: Client::new(credential)? })
    }

    /// Returns where the first page of this size is.
    pub fn first_page(&self, size: u64) -> Url {
        match self.dialect {
            Dialect::Assistant => assistant::page_url(&self.list, 1, size),
            Dialect::Pathway => pathway::first_page_url(&self.list, size),
        }
    }

    /// Requests a page. Returns nothing if it is too large for the service. The key goes to no
    /// other origin than the one that the user named.
    pub async fn get(&self, page: &Url, say: impl Fn(String)) -> Result<Option<Answer>> {
        ensure!(
            page.origin() == self.list.origin(),
            "{} has its next page at {}, where the API key is not sent: if that is the same \
             service, name it with --from",
            self.list,
            page.origin().ascii_serialization()
        );
        self.client.get(page, say).await
    }

    /// Parses an answer.
    pub fn parse<'a>(&self, answer: &'a Answer) -> Result<Page<'a>> {
        let page = match self.dialect {
            Dialect::Assistant => assistant::parse(answer),
            Dialect::Pathway => pathway::parse(answer),
        };
        // The cause is left out: it may quote the answer, which may repeat the key.
        page.with_context(|| {
            format!("what {} answers is no list of widgets: is --dialect right?", self.list)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_url_is_an_origin_and_a_path() {
        for text in ["https://api.bland.ai", "http://127.0.0.1:3000/", "https://[::1]/prod/a/"] {
            assert!(base_url(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "api.bland.ai",
            "ftp://a",
            "data:,x",
            "https://",
            "https://a/api/v1/widget?api_key=secret",
            "https://secret@a",
            "https://:secret@a",
            "https://a#secret",
        ] {
            let error = format!("{:#}", base_url(text).unwrap_err());
            assert!(error.starts_with("--from must be") && !error.contains("secret"), "{error}");
        }
    }
}
