//! The files of Swagger UI, which the explorer is made of. They come with a crate, so that nothing
//! is loaded from elsewhere.

use std::io::{Cursor, Read};

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::{ZipArchive, result::ZipResult};

/// A file of Swagger UI's distribution.
pub struct File {
    /// Its path in the URL.
    pub path: &'static str,
    name: &'static str,
    media_type: &'static str,
}

/// Those that the explorer loads.
pub const FILES: &[File] = &[
    File { path: "/page/swagger-ui.css", name: "swagger-ui.css", media_type: "text/css" },
    File {
        path: "/page/swagger-ui.js",
        name: "swagger-ui-bundle.js",
        media_type: "text/javascript; charset=utf-8",
    },
];

impl File {
    /// Returns the answer to a request for it.
    pub fn response(&self) -> Response {
        match self.read() {
            Ok(bytes) => ([(header::CONTENT_TYPE, self.media_type)], bytes).into_response(),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        }
    }

    /// Unpacks it from the archive of the release, which is one folder.
    fn read(&self) -> ZipResult<Vec<u8>> {
        let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
        let folder = archive.by_index(0)?.name()?.into_owned();
        let mut bytes = Vec::new();
        archive.by_name(&format!("{folder}dist/{}", self.name))?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_in_the_archive() {
        for file in FILES {
            assert!(file.read().unwrap().len() > 100_000, "{}", file.name);
        }
    }
}
