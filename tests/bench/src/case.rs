//! The cases that are measured.

use stats_alloc::{INSTRUMENTED_SYSTEM, Region};

use crate::{actix, axum_site};

/// A framework, with or without authentication, and a kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) framework: Framework,
    pub(crate) site: Site,
    pub(crate) request: Request,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framework {
    Axum,
    Actix,
}

/// What is around the handlers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Site {
    Bare,
    /// The least that could be written by hand; on axum only.
    Ideal,
    Eager,
    Lazy,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// A public page that asks for nobody, without a cookie.
    Public,
    /// A public page that asks who its visitor is, without a cookie.
    Open,
    /// A public page that asks for nobody, with a valid cookie.
    Static,
    /// A page that needs a user, with a valid cookie.
    Me,
    /// A page that needs a user, with Basic credentials that are remembered.
    Basic,
}

impl Request {
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Open => "/open",
            Self::Public | Self::Static => "/static",
            Self::Me | Self::Basic => "/me",
        }
    }
}

/// Alice's, with the password `wonderland`.
pub(crate) const BASIC: &str = "Basic YWxpY2U6d29uZGVybGFuZA==";

impl Case {
    pub(crate) const ALL: [Self; 20] = {
        use Framework::{Actix, Axum};
        use Request::{Basic, Me, Open, Public, Static};
        use Site::{Bare, Eager, Ideal, Lazy};
        const fn case(framework: Framework, site: Site, request: Request) -> Case {
            Case { framework, site, request }
        }
        [
            case(Axum, Bare, Public),
            case(Axum, Ideal, Public),
            case(Axum, Eager, Public),
            case(Axum, Eager, Open),
            case(Axum, Bare, Static),
            case(Axum, Lazy, Static),
            case(Axum, Bare, Me),
            case(Axum, Ideal, Me),
            case(Axum, Eager, Me),
            case(Axum, Lazy, Me),
            case(Axum, Eager, Basic),
            case(Actix, Bare, Public),
            case(Actix, Eager, Public),
            case(Actix, Eager, Open),
            case(Actix, Bare, Static),
            case(Actix, Lazy, Static),
            case(Actix, Bare, Me),
            case(Actix, Eager, Me),
            case(Actix, Lazy, Me),
            case(Actix, Eager, Basic),
        ]
    };

    pub(crate) fn name(self) -> String {
        format!("{:?}-{:?}-{:?}", self.framework, self.site, self.request).to_lowercase()
    }

    /// The same request to the framework alone.
    pub(crate) fn floor(self) -> Self {
        let request = match self.request {
            Request::Basic => Request::Me,
            Request::Open => Request::Public,
            request => request,
        };
        Self { site: Site::Bare, request, ..self }
    }

    /// Whether the request carries a session cookie.
    pub(crate) fn has_cookie(self) -> bool {
        matches!(self.request, Request::Static | Request::Me)
    }

    /// Sends this many requests; the result is what they allocated, all together.
    pub(crate) fn send(self, requests: usize) -> usize {
        match self.framework {
            Framework::Axum => axum_site::send(self, requests),
            Framework::Actix => actix::send(self, requests),
        }
    }
}

/// Counts the allocations of what it is kept around.
pub(crate) struct Allocations(Region<'static, std::alloc::System>);

impl Allocations {
    pub(crate) fn start() -> Self {
        Self(Region::new(&INSTRUMENTED_SYSTEM))
    }

    /// How often memory was asked for, growing included.
    pub(crate) fn count(&self) -> usize {
        let stats = self.0.change();
        stats.allocations + stats.reallocations
    }
}
