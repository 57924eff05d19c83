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

/// A refusal by gRPC's status and words and by Connect's code; `len` is the length of the last message, 21 bytes and the code.
macro_rules! rpc {
    ($status:literal, $message:literal, $code:literal, $len:literal) => {
        Self {
            status: $status,
            message: $message,
            connect: concat!("{\"code\":\"", $code, "\"}"),
            end_of_stream: concat!("\x02\0\0\0", $len, "{\"error\":{\"code\":\"", $code, "\"}}"),
        }
    };
}

impl Rpc {
    pub(super) fn of(reason: RefusalReason) -> Self {
        match reason.status() {
            401 => rpc!("16", "unauthenticated", "unauthenticated", "\x24"),
            403 => rpc!("7", "permission denied", "permission_denied", "\x26"),
            429 => rpc!("8", "resource exhausted", "resource_exhausted", "\x27"),
            503 => rpc!("14", "unavailable", "unavailable", "\x20"),
            404 => rpc!("5", "not found", "not_found", "\x1e"),
            409 => rpc!("9", "failed precondition", "failed_precondition", "\x28"),
            400 => rpc!("3", "invalid argument", "invalid_argument", "\x25"),
            _ => rpc!("13", "internal", "internal", "\x1d"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::ONE_OF_EACH_STATUS;
    use super::*;

    #[test]
    fn bodies_are_what_connect_reads() {
        for reason in ONE_OF_EACH_STATUS {
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
