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
/// page may be gRPC-Web, which is a POST.
fn audience(mode: Option<&[u8]>, view: &dyn RequestView) -> Audience {
    let may_be_grpc = mode.is_none() || !matches!(view.method(), "GET" | "HEAD");
    if may_be_grpc && starts_with(view, Header::ContentType, b"application/grpc") {
        return Audience::Grpc;
    }
    match mode {
        Some(b"websocket") => Audience::WebSocket,
        Some(b"navigate") if is_document(Single::of(view, Header::SecFetchDest)) => Audience::Page,
        Some(_) => Audience::Api,
        None => audience_without_metadata(view),
    }
}

fn audience_without_metadata(view: &dyn RequestView) -> Audience {
    if is_websocket(view) {
        return Audience::WebSocket;
    }
    let is_script = Single::of(view, Header::XRequestedWith) != Single::Absent;
    if !is_script && prefers_html(view) { Audience::Page } else { Audience::Api }
}

/// Whether the request opens a WebSocket.
pub(super) fn is_websocket(view: &dyn RequestView) -> bool {
    starts_with(view, Header::Upgrade, b"websocket")
}

fn is_document(dest: Single<'_>) -> bool {
    match dest {
        Single::One(dest) => matches!(dest, b"document" | b"iframe" | b"frame"),
        Single::Absent | Single::Several => true,
    }
}

fn starts_with(view: &dyn RequestView, header: Header, prefix: &[u8]) -> bool {
    match Single::of(view, header) {
        Single::One(value) => {
            value.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        }
        Single::Absent | Single::Several => false,
    }
}

/// Whether `Accept` names HTML, and not JSON with a higher weight (RFC 9110 §12.5.1).
fn prefers_html(view: &dyn RequestView) -> bool {
    let (mut html, mut json) = (0, 0);
    view.values(Header::Accept, &mut |line| {
        let ranges = line.split(|byte| *byte == b',').filter_map(|range| std::str::from_utf8(range).ok());
        for (kind, weight) in ranges.map(weighted) {
            if kind.eq_ignore_ascii_case("text/html") || kind.eq_ignore_ascii_case("application/xhtml+xml") {
                html = html.max(weight);
            } else if kind.to_ascii_lowercase().ends_with("json") {
                json = json.max(weight);
            }
        }
    });
    html > 0 && html >= json
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
        let table: [Row<'_>; 15] = [
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
            ("gRPC", &[(ContentType, "application/grpc+proto")], Audience::Grpc),
            ("WebSocket", &[(Upgrade, "WebSocket"), (SecFetchMode, "websocket")], Audience::WebSocket),
            ("not UTF-8", &[(Accept, "\u{fffd}")], Audience::Api),
        ];
        for (name, headers, expected) in table {
            assert_eq!(Audience::of(&TestRequest::get(headers)), expected, "{name}");
        }
    }
}
