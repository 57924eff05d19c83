//! A browser's cookie jar, and scripts that are run against every site.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::actix;
use crate::site::{Answer, Request, Site};
use crate::tower::Tower;
use crate::world::{Setup, World};

/// A cookie jar by the storage rules of RFC 6265bis §5.7, for one host over TLS.
#[derive(Clone, Debug, Default)]
pub struct Jar(BTreeMap<String, String>);

impl Jar {
    /// Takes up what an answer sets.
    ///
    /// # Panics
    /// If a browser would refuse it, or it sets the session twice.
    pub fn take(&mut self, answer: &Answer) {
        let lines = answer.all("set-cookie");
        let sessions = lines.iter().filter(|line| line.starts_with("__Host-session="));
        assert!(sessions.count() < 2, "more than one session cookie: {answer:?}");
        for line in lines {
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let (name, value) = pair.split_once('=').expect("a name and a value");
            let attributes: Vec<&str> = attributes.split(';').map(str::trim).collect();
            let has = |attribute: &str| attributes.iter().any(|a| a.eq_ignore_ascii_case(attribute));
            let has_domain = attributes.iter().any(|a| a.to_ascii_lowercase().starts_with("domain"));
            let is_host = name.starts_with("__Host-");
            assert!(!is_host || has("Secure") && has("Path=/") && !has_domain, "refused: {line}");
            assert!(has("HttpOnly") && has("SameSite=Lax"), "{line}");
            if has("Max-Age=0") {
                self.0.remove(name);
            } else {
                self.0.insert(name.into(), value.into());
            }
        }
    }

    /// The `Cookie` line.
    pub fn line(&self) -> Option<String> {
        let pairs: Vec<_> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// The session's token.
    pub fn token(&self) -> Option<&str> {
        self.0.get("__Host-session").map(String::as_str)
    }
}

/// One browser that visits one site, and notes what it sends and gets.
pub struct Client<'a> {
    /// The world behind the site.
    pub world: &'a World,
    /// The cookies.
    pub jar: Jar,
    site: &'a dyn Site,
    log: &'a RefCell<Vec<(String, Answer)>>,
}

impl<'a> Client<'a> {
    /// Another browser at the same site.
    #[must_use]
    pub fn another(&self) -> Client<'a> {
        Client { jar: Jar::default(), ..*self }
    }

    /// Another browser with a copy of this one's cookies.
    #[must_use]
    pub fn copy(&self) -> Client<'a> {
        Client { jar: self.jar.clone(), ..*self }
    }

    /// Which site it visits.
    pub fn site(&self) -> &'static str {
        self.site.name()
    }

    /// Sends a request with the cookies, and keeps those of the answer.
    pub async fn send(&mut self, request: Request) -> Answer {
        let request = match self.jar.line() {
            Some(line) => request.with("cookie", line),
            None => request,
        };
        let answer = self.bare(request).await;
        self.jar.take(&answer);
        answer
    }

    /// Sends a request as it is, and does not compare the answer with other sites'.
    ///
    /// # Panics
    /// If a 401 names no way in.
    pub async fn probe(&self, request: Request) -> Answer {
        let what = format!("{} {}", request.method, request.target);
        let answer = self.site.send(request).await;
        assert!(answer.status != 401 || !answer.all("www-authenticate").is_empty(), "{what}: {answer:?}");
        answer
    }

    /// Sends a request as it is.
    pub async fn bare(&self, request: Request) -> Answer {
        let what = format!("{} {}", request.method, request.target);
        let answer = self.probe(request).await;
        self.log.borrow_mut().push((what, answer.clone().masked()));
        answer
    }

    /// GETs a page.
    pub async fn get(&mut self, target: &str) -> Answer {
        self.send(Request::get(target)).await
    }

    /// POSTs a form.
    pub async fn post(&mut self, target: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(Request::post(target, fields)).await
    }

    /// Logs in.
    ///
    /// # Panics
    /// If that fails.
    pub async fn login(&mut self, username: &str, password: &str) -> String {
        let answer = self.post("/login", &[("username", username), ("password", password)]).await;
        assert_eq!(answer.status, 303, "{}: {answer:?}", self.site());
        self.jar.token().expect("a session").to_owned()
    }

    /// Whom the site takes this browser for.
    pub async fn who(&mut self) -> String {
        let answer = self.get("/who").await;
        if answer.status == 200 { answer.body } else { answer.status.to_string() }
    }

    /// A value in the session.
    pub async fn value(&mut self, name: &str) -> String {
        self.get(&format!("/act/get?name={name}")).await.body
    }
}

/// Runs a script against a new world behind each adapter, eager and lazy, and demands the same answers.
pub async fn everywhere(setup: Setup, script: impl AsyncFn(Client<'_>)) {
    let mut logs: Vec<(&'static str, Vec<(String, Answer)>)> = Vec::new();
    for at in 0..4 {
        let world = setup.world().await;
        let site = site(at, &world).await;
        let log = RefCell::default();
        script(Client { world: &world, jar: Jar::default(), site: &*site, log: &log }).await;
        logs.push((site.name(), log.into_inner()));
    }
    compare(&logs);
}

/// Runs a script against a new world behind each adapter, eager only.
pub async fn everywhere_eager(setup: Setup, script: impl AsyncFn(Client<'_>)) {
    let mut logs: Vec<(&'static str, Vec<(String, Answer)>)> = Vec::new();
    for at in 0..2 {
        let world = setup.world().await;
        let site = site(at, &world).await;
        let log = RefCell::default();
        script(Client { world: &world, jar: Jar::default(), site: &*site, log: &log }).await;
        logs.push((site.name(), log.into_inner()));
    }
    compare(&logs);
}

/// An adapter, for scripts that need a world of their own for each.
#[derive(Clone, Copy, Debug)]
pub enum Adapter {
    /// `auth-tower`.
    Tower,
    /// `auth-actix`.
    Actix,
}

impl Adapter {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Tower, Self::Actix];

    /// The site of this world.
    pub async fn site(self, world: &World) -> Box<dyn Site> {
        match self {
            Self::Tower => Box::new(Tower::new(world)),
            Self::Actix => actix::site(world).await,
        }
    }
}

/// Runs a script against both adapters' sites without their layer.
pub async fn without_layer(script: impl AsyncFn(Client<'_>)) {
    let world = Setup::default().world().await;
    let sites: [Box<dyn Site>; 2] =
        [Box::new(Tower::without_layer(&world)), actix::without_layer(&world).await];
    for site in sites {
        let log = RefCell::default();
        script(Client { world: &world, jar: Jar::default(), site: &*site, log: &log }).await;
    }
}

/// Runs a script against one site.
pub async fn over(world: &World, site: &dyn Site, script: &impl AsyncFn(Client<'_>)) {
    let log = RefCell::default();
    script(Client { world, jar: Jar::default(), site, log: &log }).await;
}

/// The same script on one site of an existing world.
pub async fn on_tower(world: &World, script: impl AsyncFn(Client<'_>)) {
    let site = Tower::new(world);
    let log = RefCell::default();
    script(Client { world, jar: Jar::default(), site: &site, log: &log }).await;
}

async fn site(at: usize, world: &World) -> Box<dyn Site> {
    match at {
        0 => Box::new(Tower::new(world)),
        1 => actix::site(world).await,
        2 => Box::new(Tower::lazy(world)),
        _ => actix::lazy(world).await,
    }
}

fn compare(logs: &[(&'static str, Vec<(String, Answer)>)]) {
    let (first, others) = logs.split_first().expect("there are sites");
    for other in others {
        assert_eq!(
            first.1.len(),
            other.1.len(),
            "{} and {} got different numbers of requests",
            first.0,
            other.0
        );
        for (one, two) in first.1.iter().zip(&other.1) {
            assert_eq!(one, two, "{} and {} answer differently", first.0, other.0);
        }
    }
}
