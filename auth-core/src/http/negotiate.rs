//! Who will read a refusal: a person in a browser, or a program.

use super::view::Single;
use super::{Header, RequestView};

/// Who reads the answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Audience {
    /// A person: a browser that navigates. Sent to the login page.
    Page,
    /// A program: 401 with challenges.
    Api,
    /// A gRPC client: status 16, 7 or 14 in headers of an HTTP 200.
    Grpc,
    /// A gRPC-Web client, also of its text form: the same, and a content type of its own.
    GrpcWeb,
    /// A client of the Connect protocol that calls for one answer: the HTTP status, and a Connect error.
    Connect,
    /// A client of the Connect protocol that asks for a stream: an HTTP 200, and a stream that ends with the error.
    ConnectStream,
    /// A browser that opens a WebSocket: 401 before the upgrade.
    WebSocket,
}

impl Audience {
    /// Who reads, by what the request says of itself. The first sign counts; without any it is a program.
    pub(crate) fn of(view: &dyn RequestView) -> Self {
        Reader::of(view).audience
    }
}

/// Who reads the answer to a request, and whether that is a browser that navigates: its next page may be shown from its
/// memory later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reader {
    pub(crate) audience: Audience,
    pub(crate) is_navigation: bool,
}

impl Reader {
    /// Of a request of which nothing is known.
    pub(crate) const UNKNOWN: Self = Self { audience: Audience::Api, is_navigation: false };

    pub(crate) fn of(view: &dyn RequestView) -> Self {
        let mode = match Single::of(view, Header::SecFetchMode) {
            Single::One(mode) => Some(mode),
            Single::Absent | Single::Several => None,
        };
        Self { audience: audience(mode, view), is_navigation: mode == Some(b"navigate") }
    }
}

/// A browser of today says it in `Sec-Fetch-Mode` (Fetch Metadata), so that one look-up or two will do: what it fetches for a
/// page may be a remote procedure call, which is a POST or says so in its query.
fn audience(mode: Option<&[u8]>, view: &dyn RequestView) -> Audience {
    match mode {
        Some(b"websocket") => Audience::WebSocket,
        Some(b"navigate") if is_document(Single::of(view, Header::SecFetchDest)) => Audience::Page,
        Some(_) if is_get(view) => connect_query(view).unwrap_or(Audience::Api),
        Some(_) => remote_call(view).unwrap_or(Audience::Api),
        None => remote_call(view)
            .or_else(|| connect_query(view))
            .unwrap_or_else(|| audience_without_metadata(view)),
    }
}

fn is_get(view: &dyn RequestView) -> bool {
    matches!(view.method(), "GET" | "HEAD")
}

/// A call of Connect without side effects.
fn connect_query(view: &dyn RequestView) -> Option<Audience> {
    let (_, query) = view.target().split_once('?')?;
    (is_get(view) && query.split('&').any(|pair| pair == "connect=v1")).then_some(Audience::Connect)
}

/// Whose protocol of remote procedure calls it is, by the type of what is sent, if it is one.
fn remote_call(view: &dyn RequestView) -> Option<Audience> {
    let Single::One(kind) = Single::of(view, Header::ContentType) else { return None };
    let has_version = || Single::of(view, Header::ConnectProtocolVersion) != Single::Absent;
    if starts_with(kind, b"application/grpc-web") {
        Some(Audience::GrpcWeb)
    } else if starts_with(kind, b"application/grpc") {
        Some(Audience::Grpc)
    } else if starts_with(kind, b"application/connect+") {
        Some(Audience::ConnectStream)
    } else {
        (starts_with(kind, b"application/") && has_version()).then_some(Audience::Connect)
    }
}

/// What scripts send that fetch parts of pages, where the browser does not say that it is one of them.
const SCRIPTS: [Header; 7] = [
    Header::XRequestedWith,
    Header::HxRequest,
    Header::TurboFrame,
    Header::XTurboRequestId,
    Header::XUpVersion,
    Header::XInertia,
    Header::XLivewire,
];

fn audience_without_metadata(view: &dyn RequestView) -> Audience {
    if is_websocket(view) {
        return Audience::WebSocket;
    }
    let is_script = || SCRIPTS.iter().any(|header| Single::of(view, *header) != Single::Absent);
    if prefers_html(view) && !is_script() { Audience::Page } else { Audience::Api }
}

/// Whether the request opens a WebSocket: in HTTP/1.1 by an upgrade, in HTTP/2 and 3 by an extended CONNECT (RFC 8441,
/// RFC 9220), which is the only one that comes to a handler.
pub(super) fn is_websocket(view: &dyn RequestView) -> bool {
    let is_upgrade =
        || matches!(Single::of(view, Header::Upgrade), Single::One(kind) if starts_with(kind, b"websocket"));
    view.method() == "CONNECT" || is_upgrade()
}

fn is_document(dest: Single<'_>) -> bool {
    match dest {
        Single::One(dest) => matches!(dest, b"document" | b"iframe" | b"frame"),
        Single::Absent | Single::Several => true,
    }
}

fn starts_with(value: &[u8], prefix: &[u8]) -> bool {
    value.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Whether `Accept` names HTML, and not JSON with a higher weight (RFC 9110 §12.5.1). Turbo names its streams beside it.
fn prefers_html(view: &dyn RequestView) -> bool {
    let (mut html, mut json, mut is_turbo) = (0, 0, false);
    view.values(Header::Accept, &mut |line| {
        let ranges = line.split(|byte| *byte == b',').filter_map(|range| std::str::from_utf8(range).ok());
        for (kind, weight) in ranges.map(weighted) {
            if kind.eq_ignore_ascii_case("text/html") || kind.eq_ignore_ascii_case("application/xhtml+xml") {
                html = html.max(weight);
            } else if kind.to_ascii_lowercase().ends_with("json") {
                json = json.max(weight);
            } else {
                is_turbo |= kind.eq_ignore_ascii_case("text/vnd.turbo-stream.html");
            }
        }
    });
    html > 0 && html >= json && !is_turbo
}

/// A media range with its weight in thousandths.
fn weighted(range: &str) -> (&str, u16) {
    let mut parts = range.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    (kind, weight.map_or(1000, thousandths))
}

fn thousandths(weight: &str) -> u16 {
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    let digits = fraction.bytes().chain(*b"000").take(3);
    let fraction = digits.fold(0, |sum, digit| sum * 10 + u16::from(digit.saturating_sub(b'0').min(9)));
    if whole == "0" { fraction } else { 1000 }
}

#[cfg(test)]
mod tests {
    use super::super::view::TestRequest;
    use super::Header::{Accept, ContentType, SecFetchDest, SecFetchMode, Upgrade, XRequestedWith};
    use super::*;

    type Row<'a> = (&'a str, &'a [(Header, &'a str)], Audience);

    #[test]
    fn the_first_sign_counts() {
        let firefox = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        let table: [Row<'_>; 21] = [
            ("nothing", &[], Audience::Api),
            ("curl", &[(Accept, "*/*")], Audience::Api),
            ("old browser", &[(Accept, firefox)], Audience::Page),
            ("json", &[(Accept, "application/json")], Audience::Api),
            ("json rather than html", &[(Accept, "text/html;q=0.5, application/json")], Audience::Api),
            ("html rather than json", &[(Accept, "application/json;q=0.5, text/html")], Audience::Page),
            ("html refused", &[(Accept, "text/html;q=0")], Audience::Api),
            ("navigation", &[(SecFetchMode, "navigate"), (SecFetchDest, "document")], Audience::Page),
            ("fetch of html", &[(SecFetchMode, "cors"), (Accept, firefox)], Audience::Api),
            ("image", &[(SecFetchMode, "no-cors"), (SecFetchDest, "image")], Audience::Api),
            ("object", &[(SecFetchMode, "navigate"), (SecFetchDest, "object")], Audience::Api),
            ("jquery", &[(XRequestedWith, "XMLHttpRequest"), (Accept, firefox)], Audience::Api),
            ("htmx", &[(Header::HxRequest, "true"), (Accept, firefox)], Audience::Api),
            ("Turbo's frame", &[(Header::TurboFrame, "cart"), (Accept, firefox)], Audience::Api),
            ("Turbo's visit", &[(Header::XTurboRequestId, "1"), (Accept, firefox)], Audience::Api),
            ("Turbo's form", &[(Accept, "text/vnd.turbo-stream.html, text/html")], Audience::Api),
            ("Unpoly", &[(Header::XUpVersion, "3.9"), (Accept, firefox)], Audience::Api),
            ("Inertia", &[(Header::XInertia, "true"), (Accept, firefox)], Audience::Api),
            ("Livewire", &[(Header::XLivewire, ""), (Accept, firefox)], Audience::Api),
            ("WebSocket", &[(Upgrade, "WebSocket"), (SecFetchMode, "websocket")], Audience::WebSocket),
            ("not UTF-8", &[(Accept, "\u{fffd}")], Audience::Api),
        ];
        for (name, headers, expected) in table {
            assert_eq!(Audience::of(&TestRequest::get(headers)), expected, "{name}");
        }
    }

    /// Each in every form that its clients send, from a browser's script or not.
    #[test]
    fn remote_calls_are_told_apart() {
        let version = (Header::ConnectProtocolVersion, "1");
        let table: [Row<'_>; 11] = [
            ("gRPC", &[(ContentType, "application/grpc")], Audience::Grpc),
            ("gRPC's codec", &[(ContentType, "application/GRPC+proto")], Audience::Grpc),
            ("gRPC-Web", &[(ContentType, "application/grpc-web")], Audience::GrpcWeb),
            ("gRPC-Web's codec", &[(ContentType, "application/grpc-web+proto")], Audience::GrpcWeb),
            ("gRPC-Web as text", &[(ContentType, "application/grpc-web-text")], Audience::GrpcWeb),
            ("Connect", &[(ContentType, "application/json"), version], Audience::Connect),
            ("Connect's codec", &[(ContentType, "application/proto"), version], Audience::Connect),
            ("Connect's stream", &[(ContentType, "application/connect+json")], Audience::ConnectStream),
            (
                "a stream with a version",
                &[(ContentType, "application/connect+proto"), version],
                Audience::ConnectStream,
            ),
            ("a form", &[(ContentType, "application/x-www-form-urlencoded")], Audience::Api),
            ("JSON", &[(ContentType, "application/json")], Audience::Api),
        ];
        for (name, headers, expected) in table {
            assert_eq!(Audience::of(&TestRequest::post(headers)), expected, "{name}");
            let fetched = [headers, &[(SecFetchMode, "cors")]].concat();
            assert_eq!(Audience::of(&TestRequest::post(&fetched)), expected, "{name}, fetched by a page");
        }
        let asked = |target: &str, headers: &[(Header, &str)]| {
            Audience::of(&TestRequest { target: target.into(), ..TestRequest::get(headers) })
        };
        let query = "/orders.Orders/Get?connect=v1&encoding=json&message=%7B%7D";
        assert_eq!(asked(query, &[]), Audience::Connect);
        assert_eq!(asked(query, &[(SecFetchMode, "navigate")]), Audience::Page, "a link to it");
        assert_eq!(asked("/?x=connect=v1", &[]), Audience::Api);
    }

    /// RFC 8441: what would be an upgrade in HTTP/1.1.
    #[test]
    fn an_extended_connect_opens_a_websocket() {
        let request = TestRequest { method: "CONNECT", ..TestRequest::get(&[]) };
        assert!(is_websocket(&request));
        assert_eq!(Audience::of(&request), Audience::WebSocket);
    }
}
