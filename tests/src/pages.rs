//! The pages of the test sites: one behaviour, served by both frameworks.

use auth_core::api_keys::{ApiKeyId, CreatedApiKey, NewApiKey};
use auth_core::backend::Registered;
use auth_core::factors::{FactorId, StoredFactor};
use auth_core::grant::{Factor, Scopes};
use auth_core::http::{Audience, Ended, Refusal, ResponseHeader};
use auth_core::session::{SessionError, SessionKey};
use auth_core::{Access, Denied, Password, Require, Secret, Session};
use std::error::Error;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::sync::Semaphore;
use url::form_urlencoded;

use crate::accounts::Account;
use crate::faults::DriverError;
use crate::world::World;

/// A place where handlers wait until the test lets them go on.
#[derive(Debug)]
pub struct Gate {
    reached: Semaphore,
    open: Semaphore,
}

impl Default for Gate {
    fn default() -> Self {
        Self { reached: Semaphore::new(0), open: Semaphore::new(0) }
    }
}

impl Gate {
    /// Waits here, in a handler.
    pub async fn pass(&self) {
        self.reached.add_permits(1);
        self.open.acquire().await.expect("it is never closed").forget();
    }

    /// Waits until a handler is here.
    pub async fn reached(&self) {
        self.reached.acquire().await.expect("it is never closed").forget();
    }

    /// Lets one handler go on.
    pub fn open(&self) {
        self.open.add_permits(1);
    }
}

/// The guarded routes, with a rule each.
pub fn rules() -> Vec<(&'static str, Require)> {
    vec![
        ("/private", Require::login()),
        ("/members", Require::permission("members")),
        ("/both", Require::permission("members").and_permission("editors")),
        ("/nobody", Require::permission("nobody")),
        ("/scoped", Require::scope("members")),
        ("/any", Require::any_permission(["nobody", "members"])),
        ("/alice", Require::login().and(|caller: &Access<Account>| caller.user().name == "alice")),
        ("/own", Require::login().login_page("/enter?x=1").next_field("back")),
        ("/api", Require::login().audience(Audience::Api)),
        ("/fresh", Require::login().fresh(Duration::from_secs(60))),
        ("/two", Require::login().second_factor()),
        ("/code", Require::login().factor(Factor::Totp)),
        ("/fresh-code", Require::login().factor(Factor::Totp).fresh(Duration::from_secs(60))),
    ]
}

/// What a page answers.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl Reply {
    /// A 200 with a text.
    pub fn text(body: impl Into<String>) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type", "text/plain; charset=utf-8".into())],
            body: body.into(),
        }
    }

    fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new() }
    }

    /// What core answers to a login.
    fn of(answer: &Refusal) -> Self {
        let name = |header: ResponseHeader| header.name();
        let headers =
            answer.headers().iter().map(|(header, value)| (name(*header), value.clone().into_owned()));
        Self { status: answer.status(), headers: headers.collect(), body: answer.body_text().into() }
    }

    fn to(location: String) -> Self {
        Self { headers: vec![("location", location)], ..Self::status(303) }
    }
}

/// What a page could not do.
#[derive(Debug)]
pub enum Trouble {
    /// A login was refused.
    Denied(Denied),
    /// The session could not be used.
    Session(SessionError),
}

impl From<Denied> for Trouble {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl From<SessionError> for Trouble {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

/// A form's or query's fields.
struct Form(Vec<(String, String)>);

impl Form {
    fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default()
    }

    fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

type Done = Result<Reply, Trouble>;

/// Does what the last part of the path says.
///
/// # Errors
/// What an application would pass on with `?`.
pub async fn act(world: &World, action: &str, session: &Session<Account>, query: &str, body: &[u8]) -> Done {
    let fields = form_urlencoded::parse(query.as_bytes()).chain(form_urlencoded::parse(body));
    let form = Form(fields.map(|(name, value)| (name.into_owned(), value.into_owned())).collect());
    match action {
        "login" => login(session, &form).await,
        "logout" => logout(session).await,
        "register" => register(world, session, &form).await,
        "ended" => ended(world, session).await,
        "grant" => grant(session).await,
        "login-again" => login_inside(session, &form).await,
        "get" | "set" | "unset" | "fail" | "clear" => data(session, action, &form).await,
        "login-and-set" => login_and_set(session, &form).await,
        "login-and-fail" => {
            login(session, &form).await?;
            Ok(Reply::status(form.get("status").parse().unwrap_or(500)))
        }
        "login-then-hold" => login_then_hold(world, session, &form, false).await,
        "login-and-rotate-then-hold" => login_then_hold(world, session, &form, true).await,
        "yield" => give_way(session, &form).await,
        "hold" => hold(world, session, &form).await,
        "rotate" => Ok(session.rotate().await.map(|()| Reply::text("rotated"))?),
        "password" => change_password(world, session, &form).await,
        "rebind-to" => rebind_to(session, &form).await,
        "make-key" | "list-keys" | "revoke-key" | "rotate-key" => keys(world, session, action, &form).await,
        "list" | "addresses" | "others" | "revoke" => devices(session, action, &form).await,
        "pending" | "code" | "add" | "add-unjudged" | "finish" | "confirm" | "enrol" | "recovery-codes"
        | "rename-factor" | "remove-factor" | "factors" | "trust" | "trusted" => {
            factors(world, session, action, &form).await
        }
        "status" => Ok(Reply::status(form.get("status").parse().unwrap_or(500))),
        "headers" => Ok(own_headers(&form)),
        _ => Ok(Reply::status(404)),
    }
}

async fn login(session: &Session<Account>, form: &Form) -> Done {
    let password = Password::new(form.get("username"), form.get("password"));
    let done = session.authenticate(password).await?;
    let login = session.login(done).await?;
    Ok(Reply::of(&login.answer(form.find("next"))))
}

/// As a page does that creates an account, in a table that may lose it or be another one than the backend's.
async fn register(world: &World, session: &Session<Account>, form: &Form) -> Done {
    let name = form.get("name");
    let mut created = Account::new(6, name);
    created.active = form.find("inactive").is_none();
    if form.find("lost").is_none() {
        world.users.users.insert_without_password(name, created.clone());
    }
    if let Some(stamp) = form.find("stamp") {
        created.stamp = stamp.into();
    }
    let registered = Registered::by_store(created, Factor::Password).with_name(name);
    let login = session.login_registered(form.find("backend").unwrap_or("local"), registered).await?;
    Ok(Reply::of(&login.answer(form.find("next"))))
}

/// A long connection, which says why it was closed.
async fn ended(world: &World, session: &Session<Account>) -> Done {
    if session.find_caller().await.map_err(SessionError::from)?.is_some() {
        world.gate.pass().await;
    }
    Ok(Reply::text(match session.ended(Duration::from_secs(1)).await {
        Ended::Unknown(error) => format!("Unknown {:?}", error.kind()),
        why => format!("{why:?}"),
    }))
}

/// Second factors, as the pages of an application use them.
async fn factors(world: &World, session: &Session<Account>, action: &str, form: &Form) -> Done {
    let id = || form.get("id").parse().unwrap_or(FactorId::from_number(0));
    let password = || Password::new(form.get("username"), form.get("password"));
    let login = match action {
        "pending" => return pending(session).await,
        "trust" => {
            session.trust_browser(form.get("name")).await?;
            return Ok(Reply::text("trusted"));
        }
        "code" => session.add_code(form.get("code")).await?,
        "add" => session.add(session.authenticate(password()).await?).await?,
        "add-unjudged" => {
            let other = Account::new(form.get("id").parse().unwrap_or_default(), form.get("username"));
            session.add(world.auth.dangerous_authenticated(other, "local").expect("a backend")).await?
        }
        "finish" => session.finish_login().await?,
        "confirm" => session.factors().await?.confirm_totp(id(), form.get("code")).await?,
        _ => {
            let own = session.factors().await?;
            return Ok(Reply::text(match action {
                "enrol" => {
                    let enrolment = own.enrol_totp("somebody", form.get("name")).await?;
                    format!("{} {}", enrolment.id, enrolment.secret.expose())
                }
                "recovery-codes" => {
                    let codes = own.make_recovery_codes().await?;
                    codes.codes().iter().map(Secret::expose).collect::<Vec<_>>().join(" ")
                }
                "rename-factor" => own.rename(id(), form.get("name")).await.map(|()| "renamed".to_owned())?,
                "trusted" => own.trusted_browsers().await?.len().to_string(),
                "remove-factor" => own.remove(id()).await.map(|()| "removed".to_owned())?,
                _ => {
                    let shown =
                        |factor: &StoredFactor| format!("{} {:?} {}", factor.id, factor.kind, factor.name);
                    own.list().await?.iter().map(shown).collect::<Vec<_>>().join(", ")
                }
            }));
        }
    };
    Ok(Reply::of(&login.answer(form.find("next"))))
}

async fn pending(session: &Session<Account>) -> Done {
    let Some(pending) = session.pending().await? else { return Ok(Reply::text("none")) };
    let (name, needs, enrolled) = (&pending.user().name, pending.needs(), pending.enrolled());
    Ok(Reply::text(format!("{name} {needs:?} {enrolled:?}")))
}

/// How the caller is known, by which factors, for what, and until when.
async fn grant(session: &Session<Account>) -> Done {
    let caller = session.find_caller().await.map_err(SessionError::from)?;
    let Some(caller) = caller else { return Ok(Reply::text("nobody")) };
    let grant = caller.grant();
    let factors: Vec<_> = caller.proofs().iter().map(|proof| proof.factor).collect();
    let end = grant.expires().map(auth_core::time::Timestamp::as_millis);
    Ok(Reply::text(format!("{:?} {factors:?} {:?} {end:?}", caller.how(), grant.scopes())))
}

/// Logs in, and keeps a value in the new session.
async fn login_and_set(session: &Session<Account>, form: &Form) -> Done {
    let reply = login(session, form).await?;
    session.insert(form.get("name"), &form.get("value")).await?;
    Ok(reply)
}

async fn logout(session: &Session<Account>) -> Done {
    session.logout().await?;
    Ok(Reply::to("/".into()))
}

/// Says who is calling before and after a login and a logout inside one request.
async fn login_inside(session: &Session<Account>, form: &Form) -> Done {
    let name = || session.user().map_or("nobody".to_owned(), |user| user.name.clone());
    let before = name();
    login(session, form).await?;
    let inside = name();
    if form.find("leave").is_some() {
        session.logout().await?;
    }
    Ok(Reply::text(format!("{before}, {inside}, {}", name())))
}

async fn data(session: &Session<Account>, action: &str, form: &Form) -> Done {
    let name = form.get("name");
    match action {
        "get" => {
            let value: Option<String> = session.get(name).await?;
            return Ok(Reply::text(value.unwrap_or_else(|| "-".into())));
        }
        "set" => session.insert(name, &form.get("value")).await?,
        "fail" => {
            session.insert(name, &form.get("value")).await?;
            return Ok(Reply::status(form.get("status").parse().unwrap_or(500)));
        }
        _ => session.remove(name).await?,
    }
    Ok(Reply::text(action))
}

/// Lets others run for a while, and says whom it takes for the caller at each turn.
async fn give_way(session: &Session<Account>, form: &Form) -> Done {
    let turns: u32 = form.get("turns").parse().unwrap_or_default();
    let mut names = Vec::new();
    for _ in 0..=turns {
        let access = session.find_caller().await.map_err(SessionError::from)?;
        let own: Option<String> = session.get("name").await?;
        names.push(format!(
            "{}/{}",
            access.map_or("nobody".into(), |a| a.user().name.clone()),
            own.unwrap_or_default()
        ));
        tokio::task::yield_now().await;
    }
    names.dedup();
    Ok(Reply::text(names.join(" ")))
}

/// Logs in, waits at the gate, and then asks who is calling.
async fn login_then_hold(world: &World, session: &Session<Account>, form: &Form, rotates: bool) -> Done {
    login(session, form).await?;
    if rotates {
        session.rotate().await?;
    }
    world.gate.pass().await;
    let _: Option<String> = session.get("count").await?;
    Ok(Reply::text(session.user().map_or("nobody".to_owned(), |user| user.name.clone())))
}

/// Reads, waits at the gate, and then does something with what was read before.
async fn hold(world: &World, session: &Session<Account>, form: &Form) -> Done {
    let seen: Option<u64> = session.get("count").await?;
    world.gate.pass().await;
    match form.get("then") {
        "write" => session.insert("count", &(seen.unwrap_or_default() + 1)).await?,
        "write-other" => session.insert(form.get("name"), &"here").await?,
        "login" => return login(session, form).await,
        "rotate" => session.rotate().await?,
        "list" => _ = session.list().await?,
        "end-others" => _ = session.logout_others().await?,
        _ => {}
    }
    Ok(Reply::text(session.user().map_or("nobody".to_owned(), |user| user.name.clone())))
}

/// As pages do that let people make keys: whose they are says the session, whatever the form says.
async fn keys(world: &World, session: &Session<Account>, action: &str, form: &Form) -> Done {
    let keys = world.keys.as_ref().expect("a site with API keys");
    let id = || form.get("id").parse().unwrap_or(ApiKeyId::from_number(0));
    let made = |created: &CreatedApiKey| format!("{} {}", created.stored().id, created.key().expose());
    Ok(Reply::text(match action {
        "make-key" => {
            let scopes = Scopes::parse(form.get("scopes")).expect("scopes");
            let new = NewApiKey::new(form.get("name")).expect("a name").scopes(scopes);
            made(&session.create_api_key(keys, new).await?)
        }
        "rotate-key" => {
            let overlap = Duration::from_secs(60);
            session.rotate_api_key(keys, id(), overlap).await?.map_or("none".to_owned(), |new| made(&new))
        }
        "revoke-key" => session.revoke_api_key(keys, id()).await?.to_string(),
        _ => {
            let keys = session.list_api_keys(keys).await?;
            keys.iter().map(|key| format!("{} {}", key.id, key.name())).collect::<Vec<_>>().join(", ")
        }
    }))
}

async fn change_password(world: &World, session: &Session<Account>, form: &Form) -> Done {
    // As a page does that asks for the old password first.
    session.find_caller().await.map_err(SessionError::from)?;
    let name = form.find("whose").unwrap_or("alice");
    let mut changed = Account::new(1, "alice").may(&["members", "editors"]);
    if name == "bob" {
        changed = Account::new(2, "bob").may(&["members"]);
    }
    changed.stamp = form.get("new").as_bytes().to_vec();
    let password = Secret::new(form.get("new"));
    world.users.users.insert(name, &password, changed.clone()).await.expect("the password is hashed");
    session.rebind(changed).await?;
    Ok(Reply::text("changed"))
}

/// Binds the session to a user 1 of the application's making.
async fn rebind_to(session: &Session<Account>, form: &Form) -> Done {
    let stamp = form.get("stamp").as_bytes().to_vec();
    session.rebind(Account { stamp, ..Account::new(1, form.get("name")) }).await?;
    Ok(Reply::text(session.user().map_or("nobody".to_owned(), |user| user.name.clone())))
}

async fn devices(session: &Session<Account>, action: &str, form: &Form) -> Done {
    match action {
        "others" => Ok(Reply::text(session.logout_others().await?.to_string())),
        "revoke" => {
            let Some(key) = SessionKey::from_hex(form.get("key")) else { return Ok(Reply::status(400)) };
            session.revoke(&key).await?;
            Ok(Reply::text("revoked"))
        }
        "addresses" => {
            let list = session.list().await?;
            let clients = list.iter().filter_map(|info| info.client.as_ref());
            let mut addresses: Vec<_> = clients.map(|client| client.address).collect();
            // Sessions that were used at the same time are listed in any order.
            addresses.sort_unstable();
            let shown =
                addresses.iter().map(|address| address.map_or("-".into(), |address| address.to_string()));
            Ok(Reply::text(shown.collect::<Vec<String>>().join(" ")))
        }
        _ => {
            let list = session.list().await?;
            let current = list.iter().filter(|info| info.is_current).count();
            Ok(Reply::text(format!("{} {current}", list.len())))
        }
    }
}

fn own_headers(form: &Form) -> Reply {
    let mut reply = Reply::text("own");
    for (name, field) in [("vary", "vary"), ("cache-control", "cache"), ("www-authenticate", "challenge")] {
        let values = form.0.iter().filter(|(given, _)| given == field);
        reply.headers.extend(values.map(|(_, value)| (name, value.clone())));
    }
    reply.status = form.find("status").and_then(|status| status.parse().ok()).unwrap_or(200);
    reply
}

/// What `/me` shows.
pub fn me(user: &Account) -> Reply {
    Reply::text(format!("{} {}", user.id, user.name))
}

/// What pages below `/causes` do: they note what an error says that they were given, and all that lies behind it, at best
/// what a driver said. A page in the place of its answer must not change that.
pub fn causes<E: Error + 'static>(
    world: &World,
    error: Option<E>,
    with_page: fn(E, &'static str) -> E,
) -> Reply {
    if let Some(error) = error {
        let before = chain(&error);
        let after = chain(&with_page(error, "sorry"));
        let told = if before == after { before } else { format!("{before}; with a page: {after}") };
        world.told.lock().unwrap_or_else(PoisonError::into_inner).push(told);
    }
    Reply::text("noted")
}

fn chain(error: &(dyn Error + 'static)) -> String {
    let said = match error.downcast_ref::<DriverError>() {
        Some(DriverError(said)) => format!("the driver: {said}"),
        None => error.to_string(),
    };
    error.source().map_or_else(|| said.clone(), |source| format!("{said} < {}", chain(source)))
}

/// What `/headers` shows: the names of those `X` headers that a handler can read.
pub fn headers<'a>(names: impl Iterator<Item = &'a str>) -> Reply {
    let mut names: Vec<_> = names.filter(|name| name.starts_with('x')).collect();
    names.sort_unstable();
    Reply::text(names.join(" "))
}

/// What `/who` shows.
pub fn who(user: Option<&Account>) -> Reply {
    Reply::text(user.map_or("anonymous", |user| &user.name))
}
