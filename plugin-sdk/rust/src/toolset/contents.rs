// SPDX-License-Identifier: Apache-2.0
// Parts of results.

use super::list::Members;
use super::Resource;
use crate::json::Value;

/// The contents of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceContents {
    /// Its URI.
    pub uri: String,
    /// Its type.
    pub mime_type: Option<String>,
    body: Body,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Body {
    Text(String),
    Bytes(Vec<u8>),
}

impl ResourceContents {
    /// Text of type text/plain, unless `mime_type` is set to another.
    pub fn text(uri: &str, text: impl Into<String>) -> ResourceContents {
        ResourceContents {
            uri: uri.into(),
            mime_type: Some("text/plain".into()),
            body: Body::Text(text.into()),
        }
    }

    /// Bytes of this type.
    pub fn bytes(uri: &str, mime_type: &str, bytes: impl Into<Vec<u8>>) -> ResourceContents {
        ResourceContents {
            uri: uri.into(),
            mime_type: Some(mime_type.into()),
            body: Body::Bytes(bytes.into()),
        }
    }
}

impl From<&ResourceContents> for Value {
    fn from(contents: &ResourceContents) -> Value {
        let members =
            Members::new().set("uri", &*contents.uri).set_some("mimeType", contents.mime_type.as_deref());
        match &contents.body {
            Body::Text(text) => members.set("text", &**text),
            Body::Bytes(bytes) => members.set("blob", base64(bytes)),
        }
        .object()
    }
}

/// A part of a tool's result or of a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// Text.
    Text(String),
    /// An image: its bytes and type.
    Image(Vec<u8>, String),
    /// Sound: its bytes and type.
    Audio(Vec<u8>, String),
    /// A resource itself.
    Resource(ResourceContents),
    /// A reference to a resource.
    Link(Resource),
}

impl From<&Content> for Value {
    fn from(content: &Content) -> Value {
        let members = Members::new();
        match content {
            Content::Text(text) => members.set("type", "text").set("text", &**text).object(),
            Content::Image(bytes, kind) => {
                members.set("type", "image").set("data", base64(bytes)).set("mimeType", &**kind).object()
            }
            Content::Audio(bytes, kind) => {
                members.set("type", "audio").set("data", base64(bytes)).set("mimeType", &**kind).object()
            }
            Content::Resource(contents) => {
                members.set("type", "resource").set("resource", Value::from(contents)).object()
            }
            Content::Link(resource) => resource.members(members.set("type", "resource_link")),
        }
    }
}

/// RFC 4648 section 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity((bytes.len() + 2) / 3 * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_has_the_vectors_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
    }
}
