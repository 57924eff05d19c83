//! Chains of several backends, and several kinds of credentials: instructions and allocations of one request.

use auth_core::backend::{Accepted, Attempt, Backend, BackendError, DeclineReason, Outcome, UserSource};
use auth_core::grant::Factor;
use auth_core::http::{Challenge, Read, RequestView, Scheme, authorization};
use auth_core::session::MemorySessions;
use auth_core::{Auth, AuthBuilder, Credentials, Password, UserId};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, Request, StatusCode, header};
use clap::Args;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region};
use tower::Service;

use super::site::{People, SiteName, build, router};
use crate::callgrind;
use crate::child::Child;
use crate::person::Person;
use crate::program::Program;
use crate::table::{Table, number};

/// A site that grows by a number, and a request to it.
#[derive(Clone, Copy)]
enum Case {
    /// A login of somebody whom only the last backend knows; the others are asked.
    Asked,
    /// The same; the others say without being asked that they do not judge it.
    NotMine,
    /// A session whose backend is the last.
    Session,
    /// So many schemes: nobody.
    KindsAnonymous,
    /// So many schemes: a session.
    KindsSession,
    /// So many schemes: credentials of the last.
    KindsLast,
}

const SIZES: [usize; 3] = [1, 4, 16];

impl Case {
    const ALL: [Self; 6] = [
        Self::Asked,
        Self::NotMine,
        Self::Session,
        Self::KindsAnonymous,
        Self::KindsSession,
        Self::KindsLast,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::NotMine => "not-mine",
            Self::Session => "session",
            Self::KindsAnonymous => "kinds-anonymous",
            Self::KindsSession => "kinds-session",
            Self::KindsLast => "kinds-last",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Asked => "login, backends before are asked and decline",
            Self::NotMine => "login, backends before do not support it",
            Self::Session => "session of the last backend",
            Self::KindsAnonymous => "anonymous, schemes configured",
            Self::KindsSession => "session, schemes configured",
            Self::KindsLast => "credentials of the last scheme",
        }
    }

    /// The backends of a chain, or the schemes, are this many.
    fn auth(self, size: usize) -> Auth<Person> {
        let builder = match self {
            Self::Asked => chain(size, People::Unknown),
            Self::NotMine | Self::Session => chain(size, People::NotMine),
            Self::KindsAnonymous | Self::KindsSession | Self::KindsLast => {
                ADD_KIND[..size].iter().fold(chain(1, People::Known), |builder, add| add(builder))
            }
        };
        build(builder, MemorySessions::new(1_000_000))
    }

    async fn send(self, router: &mut Router, size: usize, cookie: &str, number: usize) {
        let page = |name: HeaderName, value: &str| Request::get("/me").header(name, value);
        let request = match self {
            Self::Asked | Self::NotMine => Request::post(format!("/login/{number:016}")),
            Self::Session | Self::KindsSession => page(header::COOKIE, cookie),
            Self::KindsAnonymous => Request::get("/static"),
            Self::KindsLast => {
                page(header::AUTHORIZATION, &format!("{} {}", SCHEMES[size - 1], "A".repeat(43)))
            }
        };
        let response =
            router.call(request.body(Body::empty()).expect("a request")).await.expect("infallible");
        assert_eq!(response.status(), StatusCode::OK);
    }
}

/// Backends of which the last knows everybody.
fn chain(len: usize, others: People) -> AuthBuilder<Person> {
    let others = (1..len).fold(Auth::builder(), |builder, number| {
        builder.backend::<Password>(&format!("backend-{number}"), others)
    });
    others.backend::<Password>("last", People::Known)
}

/// Tokens of one of many kinds.
struct Token<const KIND: usize>(String);

impl<const KIND: usize> Credentials for Token<KIND> {
    const KIND: &'static str = "token";
    const FACTOR: Factor = Factor::Token;

    fn subject(&self) -> Option<&str> {
        None
    }

    fn check(&self) -> Result<(), DeclineReason> {
        if self.0.is_empty() { Err(DeclineReason::Malformed) } else { Ok(()) }
    }
}

struct TokenScheme<const KIND: usize>(Challenge);

impl<const KIND: usize> Scheme for TokenScheme<KIND> {
    type Credentials = Token<KIND>;

    fn name(&self) -> &'static str {
        SCHEMES[KIND]
    }

    fn headers(&self) -> Vec<&str> {
        vec!["authorization"]
    }

    fn read(&self, request: &dyn RequestView) -> Read<Token<KIND>> {
        let Some(token) = authorization(request, SCHEMES[KIND]) else { return Read::NotMine };
        String::from_utf8(token.to_vec()).map_or(Read::Malformed, |token| Read::Present(Token(token)))
    }

    fn challenge(&self) -> Option<&Challenge> {
        Some(&self.0)
    }

    fn allows_cleartext(&self) -> bool {
        true
    }
}

/// Accepts every token of a kind.
struct Issuer;

impl UserSource for Issuer {
    type User = Person;

    async fn get_user(&self, id: &UserId) -> Result<Option<Person>, BackendError> {
        Ok(Some(Person(id.clone())))
    }
}

impl<const KIND: usize> Backend<Token<KIND>> for Issuer {
    async fn authenticate(
        &self,
        _: &Attempt<'_, Token<KIND>>,
    ) -> Result<Outcome<Accepted<Person>>, BackendError> {
        Ok(Outcome::accept(Person::numbered(KIND)))
    }
}

fn add_kind<const KIND: usize>(builder: AuthBuilder<Person>) -> AuthBuilder<Person> {
    let scheme = TokenScheme::<KIND>(Challenge::new(SCHEMES[KIND]));
    builder.backend::<Token<KIND>>(&format!("issuer-{KIND}"), Issuer).scheme(scheme)
}

type AddKind = fn(AuthBuilder<Person>) -> AuthBuilder<Person>;

const ADD_KIND: [AddKind; 16] = [
    add_kind::<0>,
    add_kind::<1>,
    add_kind::<2>,
    add_kind::<3>,
    add_kind::<4>,
    add_kind::<5>,
    add_kind::<6>,
    add_kind::<7>,
    add_kind::<8>,
    add_kind::<9>,
    add_kind::<10>,
    add_kind::<11>,
    add_kind::<12>,
    add_kind::<13>,
    add_kind::<14>,
    add_kind::<15>,
];

const SCHEMES: [&str; 16] = [
    "Kind-00", "Kind-01", "Kind-02", "Kind-03", "Kind-04", "Kind-05", "Kind-06", "Kind-07", "Kind-08",
    "Kind-09", "Kind-10", "Kind-11", "Kind-12", "Kind-13", "Kind-14", "Kind-15",
];

/// What the child processes are told.
#[derive(Args)]
pub(crate) struct Requests {
    case: String,
    size: usize,
    count: usize,
}

/// The child: sends the requests; prints how often they allocated, all together.
pub(crate) fn child(options: &Requests) -> Result<(), String> {
    let found = Case::ALL.into_iter().find(|case| case.name() == options.case);
    let case = found.ok_or_else(|| format!("there is no case {}", options.case))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.map_err(|error| error.to_string())?.block_on(async {
        let mut router = router(case.auth(options.size));
        let cookie = SiteName::Ours.log_in(&mut router, 0).await;
        // What only the first request costs is not counted.
        for number in 1..=10 {
            case.send(&mut router, options.size, &cookie, number).await;
        }
        let region = Region::new(&INSTRUMENTED_SYSTEM);
        for number in 11..=10 + options.count {
            case.send(&mut router, options.size, &cookie, number).await;
        }
        let counted = region.change();
        println!("{}", counted.allocations + counted.reallocations);
    });
    Ok(())
}

/// How many requests are counted, and twice as many.
const REQUESTS: usize = 1000;

pub(super) fn table() -> Result<Table, String> {
    let mut rows = Vec::new();
    for case in Case::ALL {
        let mut row = vec![case.title().to_owned()];
        for size in SIZES {
            row.push(cost(case, size)?);
        }
        rows.push(row);
    }
    let columns = ["instructions / allocations", "1", "4", "16"];
    Ok(Table { name: "chain".into(), columns: columns.map(String::from).to_vec(), rows })
}

fn cost(case: Case, size: usize) -> Result<String, String> {
    let size = size.to_string();
    let total = |requests: usize| {
        let case = ["scale-case", case.name(), &size, &requests.to_string()];
        callgrind::instructions(Program::This, &case)
    };
    let instructions = total(2 * REQUESTS)?.saturating_sub(total(REQUESTS)?) / REQUESTS as u64;
    let counted = Child::counting(&["scale-case", case.name(), &size, &REQUESTS.to_string()])?.answer()?;
    let allocations: usize = counted.parse().map_err(|_| format!("a child answered {counted}"))?;
    // Rounded: a table that grows once in a thousand requests is no allocation of each.
    Ok(format!("{} / {}", number(instructions), (allocations + REQUESTS / 2) / REQUESTS))
}
