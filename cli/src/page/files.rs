//! The page's own files.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

/// What the page itself may do: load its own files, and the icons of widgets.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' http: https: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// What the explorer may do. Swagger UI writes styles into its elements.
const EXPLORER_POLICY: &str = "default-src 'none'; script-src 'self'; \
    style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

const NO_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// A file that is part of the program.
pub struct File {
    /// Its path in the URL.
    pub path: &'static str,
    media_type: &'static str,
    policy: &'static str,
    text: &'static str,
}

impl File {
    /// Returns the answer to a request for it.
    pub fn response(&self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, self.media_type),
            (header::CONTENT_SECURITY_POLICY, self.policy),
        ];
        (headers, self.text).into_response()
    }
}

/// A file of the folder `assets` that a document loads.
macro_rules! asset {
    ($name:literal, $media_type:expr) => {
        File {
            path: concat!("/page/", $name),
            media_type: $media_type,
            policy: NO_POLICY,
            text: include_str!(concat!("assets/", $name)),
        }
    };
}

const DOCUMENT: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// All of them.
pub const ALL: &[File] = &[
    File {
        path: "/",
        media_type: DOCUMENT,
        policy: PAGE_POLICY,
        text: include_str!("assets/index.html"),
    },
    File {
        path: "/page/explorer/assistant",
        media_type: DOCUMENT,
        policy: EXPLORER_POLICY,
        text: include_str!("assets/explorer.html"),
    },
    File {
        path: "/page/explorer/pathway",
        media_type: DOCUMENT,
        policy: EXPLORER_POLICY,
        text: include_str!("assets/explorer.html"),
    },
    asset!("icon.svg", "image/svg+xml"),
    asset!("base.css", STYLE),
    asset!("page.css", STYLE),
    asset!("preview.css", STYLE),
    asset!("explorer.css", STYLE),
    asset!("activity.js", SCRIPT),
    asset!("api.js", SCRIPT),
    asset!("chat.js", SCRIPT),
    asset!("copy.js", SCRIPT),
    asset!("dom.js", SCRIPT),
    asset!("explorer.js", SCRIPT),
    asset!("feed.js", SCRIPT),
    asset!("icons.js", SCRIPT),
    asset!("lists.js", SCRIPT),
    asset!("looks.js", SCRIPT),
    asset!("main.js", SCRIPT),
    asset!("preview.js", SCRIPT),
    asset!("samples.js", SCRIPT),
    asset!("stack.js", SCRIPT),
    asset!("untrusted.js", SCRIPT),
];
