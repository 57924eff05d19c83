//! Refusals in the words of remote procedure calls: gRPC, gRPC-Web, Connect.

use super::RefusalReason;
use crate::http::view::Single;
use crate::http::{Header, RequestView};

/// The types of what gRPC-Web's clients send, and read.
pub(super) const GRPC_WEB: [&str; 6] = [
    "application/grpc-web",
    "application/grpc-web+proto",
    "application/grpc-web+json",
    "application/grpc-web-text",
    "application/grpc-web-text+proto",
    "application/grpc-web-text+json",
];
/// And of Connect's streams.
pub(super) const CONNECT_STREAM: [&str; 2] = ["application/connect+proto", "application/connect+json"];

/// The type of what the client sent, which it wants to read as well; if it is none of these, the first.
pub(super) fn same_type(view: &dyn RequestView, types: &[&'static str]) -> &'static str {
    let sent = Single::of(view, Header::ContentType).text().unwrap_or_default();
    let sent = sent.split(';').next().unwrap_or_default().trim();
    types.iter().find(|known| known.eq_ignore_ascii_case(sent)).unwrap_or(&types[0])
}

/// A refusal in the words of remote procedure calls.
pub(super) struct Rpc {
    pub(super) status: &'static str,
    pub(super) message: &'static str,
    /// Connect's error.
    pub(super) connect: &'static str,
    /// The same as the last message of a stream: a flag, the length in four bytes, and the error.
    pub(super) end_of_stream: &'static str,
}

impl Rpc {
    pub(super) fn of(reason: RefusalReason) -> Self {
        match reason.status() {
            401 => Self {
                status: "16",
                message: "unauthenticated",
                connect: r#"{"code":"unauthenticated"}"#,
                end_of_stream: "\x02\0\0\0\x24{\"error\":{\"code\":\"unauthenticated\"}}",
            },
            403 => Self {
                status: "7",
                message: "permission denied",
                connect: r#"{"code":"permission_denied"}"#,
                end_of_stream: "\x02\0\0\0\x26{\"error\":{\"code\":\"permission_denied\"}}",
            },
            429 => Self {
                status: "8",
                message: "resource exhausted",
                connect: r#"{"code":"resource_exhausted"}"#,
                end_of_stream: "\x02\0\0\0\x27{\"error\":{\"code\":\"resource_exhausted\"}}",
            },
            503 => Self {
                status: "14",
                message: "unavailable",
                connect: r#"{"code":"unavailable"}"#,
                end_of_stream: "\x02\0\0\0\x20{\"error\":{\"code\":\"unavailable\"}}",
            },
            400 => Self {
                status: "3",
                message: "invalid argument",
                connect: r#"{"code":"invalid_argument"}"#,
                end_of_stream: "\x02\0\0\0\x25{\"error\":{\"code\":\"invalid_argument\"}}",
            },
            _ => Self {
                status: "13",
                message: "internal",
                connect: r#"{"code":"internal"}"#,
                end_of_stream: "\x02\0\0\0\x1d{\"error\":{\"code\":\"internal\"}}",
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_what_connect_reads() {
        for reason in [
            RefusalReason::Malformed,
            RefusalReason::NotSignedIn,
            RefusalReason::NotAllowed,
            RefusalReason::Throttled,
            RefusalReason::Misconfigured,
            RefusalReason::Unavailable,
        ] {
            let Rpc { message, connect, end_of_stream, .. } = Rpc::of(reason);
            let error: serde_json::Value = serde_json::from_str(connect).unwrap();
            assert_eq!(error["code"], message.replace(' ', "_"));
            let (envelope, last) = end_of_stream.as_bytes().split_at(5);
            let last: serde_json::Value = serde_json::from_slice(last).unwrap();
            assert_eq!(last["error"], error);
            let len = u8::try_from(end_of_stream.len() - 5).unwrap();
            assert_eq!(envelope, [2, 0, 0, 0, len], "{reason:?}");
        }
    }
}
