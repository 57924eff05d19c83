//! [`Require`]: what a route asks of its caller.

use std::any::{Any, type_name};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Audience;
use super::excepted::Excepted;
use crate::grant::{Factor, Proof};
use crate::second_factor::is_second;
use crate::time::Timestamp;
use crate::unheard::log_error;
use crate::{Access, ConfigError, User};

/// What a route asks of its caller: to be signed in, to hold permissions, to have proven it recently.
///
/// An adapter's `RequireLayer` enforces it. A caller who does not meet it never reaches the handler: a browser is sent to the login
/// page or shown a 403, a program gets a 401 or 403 in its own format.
///
/// ```
/// use std::time::Duration;
/// use auth_core::Require;
///
/// let refunds = Require::permission("billing").and_permission("refund").fresh(Duration::from_secs(300));
/// let everything_but = Require::login().except(["/", "/login", "/static/*"])?;
/// # Ok::<(), auth_core::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Require {
    /// The caller must hold one of each.
    permissions: Vec<Vec<Box<str>>>,
    scopes: Vec<Box<str>>,
    predicates: Vec<Predicate>,
    fresh: Option<Duration>,
    factors: Vec<Factor>,
    second_factor: bool,
    excepted: Excepted,
    pub(crate) audience: Option<Audience>,
    pub(crate) login_page: Option<Box<str>>,
    pub(crate) next_field: Option<Box<str>>,
}

/// An application's own rule, about an [`Access`] whose user's type it knows.
#[derive(Clone)]
struct Predicate(Arc<Passes>);

type Passes = dyn Fn(&dyn Any) -> bool + Send + Sync;

/// Two are the same if one was made of the other.
impl PartialEq for Predicate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Predicate {}

impl fmt::Debug for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Predicate")
    }
}

/// What a caller lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lacking {
    /// Nobody is signed in.
    Login,
    /// The proof is older than this.
    Freshness(Duration),
    /// Signed in, but not by the factor that this route asks for.
    Factor,
    /// Signed in, and not allowed.
    Permission,
    /// Allowed, but not by this token.
    Scope,
}

impl Require {
    /// The caller must be signed in.
    ///
    /// ```
    /// let account = auth_core::Require::login();
    /// ```
    pub const fn login() -> Self {
        Self {
            permissions: Vec::new(),
            scopes: Vec::new(),
            predicates: Vec::new(),
            fresh: None,
            factors: Vec::new(),
            second_factor: false,
            excepted: Excepted::new(),
            audience: None,
            login_page: None,
            next_field: None,
        }
    }

    /// The caller must be signed in and hold this permission ([`User::has_permission`]).
    ///
    /// ```
    /// let members = auth_core::Require::permission("members");
    /// ```
    pub fn permission(permission: impl Into<Box<str>>) -> Self {
        Self::login().and_permission(permission)
    }

    /// The caller must be signed in and hold at least one of these permissions.
    ///
    /// ```
    /// let staff = auth_core::Require::any_permission(["editors", "admins"]);
    /// ```
    pub fn any_permission<P: Into<Box<str>>>(permissions: impl IntoIterator<Item = P>) -> Self {
        Self::login().and_any_permission(permissions)
    }

    /// The caller must be signed in; a token must have this scope, or gets a 403 `insufficient_scope` (RFC 6750 §3.1).
    ///
    /// A session has all scopes, because a person's proof began it.
    ///
    /// ```
    /// let reading = auth_core::Require::scope("orders:read");
    /// ```
    pub fn scope(scope: impl Into<Box<str>>) -> Self {
        Self::login().and_scope(scope)
    }

    /// The caller must hold this permission as well. A token with [scopes](crate::grant::Scopes) carries only those permissions of
    /// its owner that are among the scopes.
    ///
    /// ```
    /// let refunds = auth_core::Require::permission("billing").and_permission("refund");
    /// ```
    pub fn and_permission(self, permission: impl Into<Box<str>>) -> Self {
        self.and_any_permission([permission])
    }

    /// The caller must hold at least one of these permissions as well. An empty list lets no caller through.
    ///
    /// ```
    /// let rule = auth_core::Require::permission("members").and_any_permission(["editors", "admins"]);
    /// ```
    pub fn and_any_permission<P: Into<Box<str>>>(mut self, permissions: impl IntoIterator<Item = P>) -> Self {
        self.permissions.push(permissions.into_iter().map(Into::into).collect());
        self
    }

    /// A token must have this scope as well.
    ///
    /// ```
    /// let rule = auth_core::Require::permission("orders").and_scope("orders:write");
    /// ```
    pub fn and_scope(mut self, scope: impl Into<Box<str>>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// The caller must pass this check as well, or gets a 403.
    ///
    /// `U` is the application's user type. A caller of another type is refused, and the log says so.
    ///
    /// ```
    /// # use auth_core::{Access, Require, User, UserId};
    /// # struct Member { is_adult: bool }
    /// # impl User for Member {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"stamp" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// let rule = Require::login().and(|caller: &Access<Member>| caller.user().is_adult);
    /// ```
    pub fn and<U: User>(mut self, passes: impl Fn(&Access<U>) -> bool + Send + Sync + 'static) -> Self {
        let passes = move |access: &dyn Any| {
            let access = access.downcast_ref();
            if access.is_none() {
                let expected = type_name::<U>();
                log_error(&format_args!("a rule asks about users of type {expected}, and there are others"));
            }
            access.is_some_and(&passes)
        };
        self.predicates.push(Predicate(Arc::new(passes)));
        self
    }

    /// The caller must have proven who they are within this time: by the login that began the session, by credentials of this
    /// request, or, for a token, by the login that it reports (`auth_time`). A token that reports none is never fresh.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let change_password = auth_core::Require::login().fresh(Duration::from_secs(300));
    /// ```
    pub fn fresh(mut self, within: Duration) -> Self {
        self.fresh = Some(within);
        self
    }

    /// The caller must have proven who they are by two factors ([`Access::is_two_factor`]), such as a password and a code.
    /// Browsers are sent to the page that asks for it; programs get a 401 `insufficient_user_authentication` (RFC 9470).
    ///
    /// With [`fresh`](Self::fresh), the second factor must be as recent as that.
    ///
    /// ```
    /// let payments = auth_core::Require::permission("payments").second_factor();
    /// ```
    pub fn second_factor(mut self) -> Self {
        self.second_factor = true;
        self
    }

    /// The caller must have proven who they are by this factor, whichever others they used. Call it again to ask for several.
    ///
    /// With [`fresh`](Self::fresh), that proof must be as recent as that:
    ///
    /// ```
    /// use std::time::Duration;
    /// use auth_core::Require;
    /// use auth_core::grant::Factor;
    ///
    /// let rule = Require::permission("payments").factor(Factor::Passkey).fresh(Duration::from_secs(60));
    /// ```
    pub fn factor(mut self, factor: Factor) -> Self {
        self.factors.push(factor);
        self
    }

    /// Leaves these paths open: the rule does not apply to them. A whole router can thus ask for a login by default, with named
    /// exceptions, as Django's `LoginRequiredMiddleware` does. A route that is added later is then closed unless you name it here.
    ///
    /// Name whole paths as clients request them (`"/login"`), even where routers are nested, or everything below a path
    /// (`"/static/*"`). The query does not count; case, a trailing slash and percent-encoding do. A request whose path some router or
    /// file server could read as leading elsewhere (`..`, an encoded dot or slash, `//`) never counts as an exception.
    ///
    /// ```
    /// use auth_core::Require;
    ///
    /// let rule = Require::login().except(["/", "/login", "/register", "/static/*"])?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if a text is not such a path, and for `"/*"`, which would leave everything open.
    pub fn except<P: AsRef<str>>(mut self, paths: impl IntoIterator<Item = P>) -> Result<Self, ConfigError> {
        for path in paths {
            self.excepted.add(path.as_ref())?;
        }
        Ok(self)
    }

    /// Declares who reads this route's refusals, instead of judging by the request.
    ///
    /// ```
    /// use auth_core::{Require, http::Audience};
    ///
    /// let api = Require::login().audience(Audience::Api); // a 401 as JSON, and never a redirect
    /// ```
    pub fn audience(mut self, audience: Audience) -> Self {
        self.audience = Some(audience);
        self
    }

    /// Sends browsers to this login page, in place of [`AuthBuilder::login_page`](crate::AuthBuilder::login_page).
    ///
    /// ```
    /// let staff = auth_core::Require::permission("staff").login_page("/staff/login");
    /// ```
    pub fn login_page(mut self, page: impl Into<Box<str>>) -> Self {
        self.login_page = Some(page.into());
        self
    }

    /// Names the field that tells the login page where to return to, in place of
    /// [`AuthBuilder::next_field`](crate::AuthBuilder::next_field).
    ///
    /// ```
    /// let staff = auth_core::Require::login().login_page("/enter").next_field("back");
    /// ```
    pub fn next_field(mut self, field: impl Into<Box<str>>) -> Self {
        self.next_field = Some(field.into());
        self
    }

    /// The scopes that a token needs, separated by blanks: of several that would do, the first.
    pub(crate) fn scopes_needed(&self) -> String {
        let permissions = self.permissions.iter().filter_map(|one_of| one_of.first());
        self.scopes.iter().chain(permissions).map(|scope| &**scope).collect::<Vec<_>>().join(" ")
    }

    /// Within what time the caller must have proven who they are, if it matters.
    pub(crate) fn freshness(&self) -> Option<Duration> {
        self.fresh
    }

    /// Whether this rule leaves the target of a request open.
    pub(crate) fn excepts(&self, target: &str) -> bool {
        self.excepted.contains(target)
    }

    pub(crate) fn check<U: User>(&self, access: Option<&Access<U>>, now: Timestamp) -> Result<(), Lacking> {
        let access = access.ok_or(Lacking::Login)?;
        let (user, grant) = (access.user(), access.grant());
        let is_held =
            |one_of: &Vec<Box<str>>| one_of.iter().any(|permission| user.has_permission(permission));
        if !self.permissions.iter().all(is_held) {
            return Err(Lacking::Permission);
        }
        // A token is good for what its owner may do and it is for.
        let is_for = |permission: &str| user.has_permission(permission) && grant.covers(permission);
        let is_granted = |one_of: &Vec<Box<str>>| one_of.iter().any(|permission| is_for(permission));
        let has_scopes = self.scopes.iter().all(|scope| grant.scopes().contains(scope));
        if !(has_scopes && self.permissions.iter().all(is_granted)) {
            return Err(Lacking::Scope);
        }
        if !self.predicates.iter().all(|predicate| (predicate.0)(access)) {
            return Err(Lacking::Permission);
        }
        self.check_factors(access, now)?;
        match self.fresh {
            Some(within) if !is_fresh(access, within, now) => Err(Lacking::Freshness(within)),
            _ => Ok(()),
        }
    }

    /// Proofs that are too old count for none where this asks for fresh ones.
    fn check_factors<U>(&self, access: &Access<U>, now: Timestamp) -> Result<(), Lacking> {
        if !self.second_factor && self.factors.is_empty() {
            return Ok(());
        }
        let is_young = |proof: &Proof| self.fresh.is_none_or(|within| now.since(proof.at) <= within);
        let has =
            |factor: &Factor| access.proofs().iter().any(|proof| proof.factor == *factor && is_young(proof));
        if !self.factors.iter().all(has) {
            return Err(Lacking::Factor);
        }
        let is_fresh =
            || access.proofs().iter().any(|proof| is_second(proof.factor, false) && is_young(proof));
        let is_met = !self.second_factor || access.is_two_factor() && is_fresh();
        if is_met { Ok(()) } else { Err(Lacking::Factor) }
    }
}

/// A caller is as fresh as the last proof that a person gave. A token is none: what it says of a login elsewhere is.
fn is_fresh<U>(access: &Access<U>, within: Duration, now: Timestamp) -> bool {
    access.proven().is_some_and(|proven| now.since(proven) <= within)
}
