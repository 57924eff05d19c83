//! The requests that are measured.

use std::sync::LazyLock;

use clap::ValueEnum;

use crate::sites::{API_KEY, BASIC, BEARER, SIGNED, Site};

const BROWSER: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
const PROGRAM: &str = "curl/8.14.1";
const DOCUMENTS: &str =
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8";

/// A link that is followed.
const PAGE: [(&str, &str); 11] = [
    ("host", "example.com"),
    ("sec-ch-ua", "\"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\""),
    ("upgrade-insecure-requests", "1"),
    ("user-agent", BROWSER),
    ("accept", DOCUMENTS),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-user", "?1"),
    ("sec-fetch-dest", "document"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("accept-language", "en-US,en;q=0.9"),
];
/// A form that is sent.
const FORM: [(&str, &str); 11] = [
    ("host", "example.com"),
    ("origin", "https://example.com"),
    ("content-type", "application/x-www-form-urlencoded"),
    ("upgrade-insecure-requests", "1"),
    ("user-agent", BROWSER),
    ("accept", DOCUMENTS),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("accept-language", "en-US,en;q=0.9"),
];
/// A page's `fetch`.
const FETCH: [(&str, &str); 9] = [
    ("host", "example.com"),
    ("sec-ch-ua", "\"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\""),
    ("user-agent", BROWSER),
    ("accept", "application/json"),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "cors"),
    ("sec-fetch-dest", "empty"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("accept-language", "en-US,en;q=0.9"),
];
/// A program with a signed token.
static WITH_SIGNED: LazyLock<[(&str, &str); 3]> =
    LazyLock::new(|| [("user-agent", PROGRAM), ("accept", "*/*"), ("authorization", SIGNED.header.as_str())]);

/// What is asked of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub(crate) enum Ask {
    /// A public page that asks for nobody, without a cookie
    Anonymous,
    /// A public page that asks who is calling, without a cookie
    Open,
    /// A public page that asks for nobody, with a valid cookie
    Static,
    /// A page that needs a user, with a valid cookie
    Me,
    /// A public page that takes the session, without a cookie
    Session,
    /// A page that needs a user and takes the session, with a valid cookie
    Account,
    /// A guarded page, with nothing: its refusal
    Refused,
    /// A login
    Login,
    /// A page that needs a user, with Basic credentials
    Basic,
    /// A page that needs a user, with a bearer token
    Bearer,
    /// A page that needs a user, with an API key
    Key,
    /// A page that needs a user, with a signed token
    Signed,
}

impl Ask {
    /// Its name on the command line, and that of its table.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// What it is, in words.
    pub(crate) fn label(self) -> String {
        let help = self.to_possible_value().and_then(|value| value.get_help().map(ToString::to_string));
        help.unwrap_or_default()
    }

    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Anonymous | Self::Static => "/static",
            Self::Open => "/open",
            Self::Me | Self::Basic | Self::Bearer | Self::Key | Self::Signed => "/me",
            Self::Session => "/session",
            Self::Account => "/account",
            Self::Refused => "/guarded",
            Self::Login => "/login",
        }
    }

    /// The status of the right answer.
    pub(crate) fn status(self) -> u16 {
        if self == Self::Refused { 401 } else { 200 }
    }

    /// Whether it carries a session cookie.
    pub(crate) fn has_cookie(self) -> bool {
        matches!(self, Self::Static | Self::Me | Self::Account)
    }

    /// The headers that a client of its kind sends: a browser that opens a page or sends a form, the script of a page,
    /// or a program.
    pub(crate) fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Anonymous | Self::Open | Self::Static | Self::Me | Self::Session | Self::Account => &PAGE,
            Self::Refused => &FETCH,
            Self::Login => &FORM,
            Self::Basic => &[("user-agent", PROGRAM), ("accept", "*/*"), ("authorization", BASIC)],
            Self::Bearer => &[("user-agent", PROGRAM), ("accept", "*/*"), ("authorization", BEARER)],
            Self::Key => &[("user-agent", PROGRAM), ("accept", "*/*"), ("authorization", API_KEY)],
            Self::Signed => &*WITH_SIGNED,
        }
    }

    /// Whether this site has an answer that says something.
    pub(crate) fn suits(self, site: Site) -> bool {
        use Site as S;
        let is_program = matches!(self, Self::Basic | Self::Bearer | Self::Key | Self::Signed);
        match site {
            S::Axum | S::Actix => true,
            S::AxumSqliteAlone | S::AxumRedisAlone | S::ActixRedisAlone => self == Self::Me,
            S::AxumOursBasicThird | S::ActixOursBasicThird => self == Self::Basic,
            S::AxumOursBearerThird
            | S::AxumOursBearerRemembered
            | S::ActixOursBearerThird
            | S::ActixOursBearerRemembered => self == Self::Bearer,
            S::AxumOursBasic | S::ActixOursBasic | S::TowerHttpBasic | S::HttpauthBasic => {
                matches!(self, Self::Basic | Self::Refused)
            }
            S::AxumOursBearer | S::ActixOursBearer | S::TowerHttpBearer | S::HttpauthBearer => {
                matches!(self, Self::Bearer | Self::Refused)
            }
            S::AxumOursKey | S::ActixOursKey => self == Self::Key,
            S::AxumOursSigned
            | S::AxumOursSignedFirst
            | S::ActixOursSigned
            | S::ActixOursSignedFirst
            | S::JwtAuthorizer
            | S::OAuth2ResourceServer => self == Self::Signed,
            S::AxumLoginStamp => matches!(self, Self::Anonymous | Self::Me),
            S::AxumOursTwo | S::ActixOursTwo => matches!(self, Self::Anonymous | Self::Me),
            S::AxumOurs | S::AxumOursLazy | S::ActixOurs | S::ActixOursLazy => !is_program,
            _ => !is_program && !matches!(self, Self::Session | Self::Account),
        }
    }
}
