//! The requests that are measured.

use clap::ValueEnum;

use crate::sites::{BASIC, BEARER, Site};

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
    /// A guarded page, with nothing: its refusal
    Refused,
    /// A login
    Login,
    /// A page that needs a user, with Basic credentials
    Basic,
    /// A page that needs a user, with a bearer token
    Bearer,
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
            Self::Me | Self::Basic | Self::Bearer => "/me",
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
        matches!(self, Self::Static | Self::Me)
    }

    /// The value of its `Authorization` header.
    pub(crate) fn authorization(self) -> Option<&'static str> {
        match self {
            Self::Basic => Some(BASIC),
            Self::Bearer => Some(BEARER),
            _ => None,
        }
    }

    /// Whether this site has an answer that says something.
    pub(crate) fn suits(self, site: Site) -> bool {
        use Site as S;
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
            S::AxumLoginStamp => matches!(self, Self::Anonymous | Self::Me),
            _ => !matches!(self, Self::Basic | Self::Bearer),
        }
    }
}
