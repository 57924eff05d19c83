//! Second factors, passkeys and new passwords, on both demos.

use std::thread;

use auth_core::factors::Totp;
use auth_core::time::{Clock as _, SystemClock};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use integration_tests::process::Demo;
use test_servers::Redis;

use super::{cookie, exchange, me};

pub(super) const JSON: &str = "content-type: application/json";
pub(super) const FORM: &str = "content-type: application/x-www-form-urlencoded";
/// Dave's way in, and what the demo tells everybody about his app.
const DAVE: &str = r#"{"username": "dave", "password": "two steps are better"}"#;
const DAVES_FORM: &str = "username=dave&password=two+steps+are+better&next=%2Fme";
const DAVES_KEY: &str = "JBSWY3DPEHPK3PXP";
pub(super) const PAGE: &str = "accept: text/html";

/// An answer, taken apart.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The `Cookie` line of the session that it hands out.
    pub(super) fn session(&self) -> String {
        let set = self.head.lines().find_map(|line| line.strip_prefix("set-cookie: __Host-session="));
        let token =
            set.and_then(|set| set.split(';').next()).unwrap_or_else(|| panic!("no session: {self:?}"));
        format!("cookie: __Host-session={token}")
    }
}

pub(super) fn ask(demo: &Demo, first: &str, lines: &[&str], body: &str) -> Answer {
    let text = exchange(demo, &format!("{first} HTTP/1.1"), lines, body);
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// The code of this moment.
fn code() -> String {
    DAVES_KEY.parse::<Totp>().expect("a key").code(SystemClock.now()).expose().to_owned()
}

/// A login of Dave's that waits for his code.
fn begun(demo: &Demo) -> String {
    ask(demo, "POST /login", &[JSON], DAVE).session()
}

fn send_code(demo: &Demo, session: &str, code: &str) -> Answer {
    ask(demo, "POST /login/factor", &[JSON, session], &format!(r#"{{"code": "{code}"}}"#))
}

/// Before the code he is nobody, everywhere; with it he is Dave, and the code is used up.
#[test]
fn ask_for_a_second_factor() {
    for name in Demo::NAMES {
        let demo = Demo::start(name, &[]);
        let login = ask(&demo, "POST /login", &[JSON], DAVE);
        assert_eq!((login.status, &*login.body), (401, r#"{"needs":["totp"]}"#), "{name}: {login:?}");
        assert_eq!(login.header("content-type"), Some("application/json"), "{name}");
        assert_eq!(login.header("cache-control"), Some("no-store"), "{name}");
        let waiting = login.session();
        is_nobody(&demo, &waiting);
        let page = ask(&demo, "GET /login/factor?next=/me", &[&waiting], "");
        assert_eq!((page.status, page.header("cache-control")), (200, Some("no-store")), "{name}: {page:?}");
        for wanted in [r#"autocomplete="one-time-code""#, r#"inputmode="numeric""#, r#"value="/me""#] {
            assert!(page.body.contains(wanted), "{name}: {wanted}: {page:?}");
        }
        let wrong = send_code(&demo, &waiting, "000000");
        assert_eq!(wrong.status, 401, "{name}: {wrong:?}");
        assert_eq!(wrong.header("content-type"), Some("application/problem+json"), "{name}");
        let wrong = ask(&demo, "POST /login/factor", &[FORM, &waiting], "code=12345&next=%2Fme");
        assert_eq!(wrong.status, 401, "{name}: {wrong:?}");
        assert!(wrong.body.contains(r#"role="alert""#) && wrong.body.contains(r#"value="/me""#), "{wrong:?}");
        is_nobody(&demo, &waiting);
        let code = code();
        let right = send_code(&demo, &waiting, &code);
        assert_eq!((right.status, &right.json()["username"]), (200, &"dave".into()), "{name}: {right:?}");
        let (old, session) = (waiting, right.session());
        assert_eq!(ask(&demo, "GET /open", &[&session], "").body, "dave", "{name}");
        assert_eq!(ask(&demo, "GET /members", &[&session], "").status, 200, "{name}");
        is_nobody_at(&demo, "/open", &old);
        assert_eq!(send_code(&demo, &begun(&demo), &code).status, 401, "{name}: a code is good once");
        for (bad, status) in [("", 400), ("{}", 400), (r#"{"code": 1}"#, 400)] {
            let answer = ask(&demo, "POST /login/factor", &[JSON, &session], bad);
            assert_eq!(answer.status, status, "{name}: {bad}: {answer:?}");
        }
        assert_eq!(ask(&demo, "POST /login/factor", &[], "code=1").status, 415, "{name}");
    }
}

fn is_nobody(demo: &Demo, session: &str) {
    for path in ["/open", "/api/me", "/me", "/members", "/account/factors", "/account/keys"] {
        is_nobody_at(demo, path, session);
    }
}

fn is_nobody_at(demo: &Demo, path: &str, session: &str) {
    let get = format!("GET {path}");
    let answer = ask(demo, &get, &[session], "");
    match path {
        "/open" => assert_eq!((answer.status, &*answer.body), (200, "anonymous")),
        _ => assert_eq!(answer.status, 401, "{path}: {answer:?}"),
    }
    if !["/open", "/api/me"].contains(&path) {
        let answer = ask(demo, &get, &[session, PAGE], "");
        let to = format!("/login/factor?next={path}");
        assert_eq!((answer.status, answer.header("location")), (303, Some(&*to)), "{answer:?}");
    }
}

/// By forms, in a browser, and by the codes on paper.
#[test]
fn take_recovery_codes_by_form() {
    for name in Demo::NAMES {
        let demo = Demo::start(name, &[]);
        let session = send_code(&demo, &begun(&demo), &code()).session();
        let made = ask(&demo, "POST /account/factors/recovery-codes", &[FORM, &session], "");
        assert_eq!((made.status, made.header("cache-control")), (201, Some("no-store")), "{name}: {made:?}");
        let paper: Vec<_> = made.body.split("<li><code>").skip(1).map(|rest| rest[..19].to_owned()).collect();
        assert_eq!(paper.len(), 10, "{name}: {made:?}");
        let listed = ask(&demo, "GET /account/factors", &[&session], "").json();
        assert_eq!(
            (&listed[0]["kind"], &listed[1]["left"]),
            (&"totp".into(), &10.into()),
            "{name}: {listed}"
        );
        assert!(!listed.to_string().contains(DAVES_KEY), "{name}: {listed}");
        let form = ask(&demo, "POST /login", &[FORM], DAVES_FORM);
        assert_eq!((form.status, form.header("location")), (303, Some("/login/factor?next=/me")), "{name}");
        let waiting = form.session();
        let sent = format!("code={}&next=%2Fmembers", paper[0]);
        let right = ask(&demo, "POST /login/factor", &[FORM, &waiting], &sent);
        assert_eq!((right.status, right.header("location")), (303, Some("/members")), "{name}: {right:?}");
        assert_eq!(ask(&demo, "GET /open", &[&right.session()], "").body, "dave", "{name}");
        let again = ask(&demo, "POST /login", &[JSON], DAVE);
        assert_eq!(again.body, r#"{"needs":["totp","recovery_code"]}"#, "{name}");
        assert_eq!(send_code(&demo, &again.session(), &paper[0]).status, 401, "{name}: it is used up");
        let elsewhere = format!("code={}&next=%2F%2Fevil.example", paper[1]);
        let right = ask(&demo, "POST /login/factor", &[FORM, &again.session()], &elsewhere);
        assert_eq!((right.status, right.header("location")), (303, Some("/")), "{name}: {right:?}");
        // Both demos know the same factors, and a start adds none.
        let demo = demo.restart("actix-demo", &[]).restart("axum-demo", &[]);
        let listed = ask(&demo, "GET /account/factors", &[&right.session()], "").json();
        assert_eq!(listed.as_array().map(Vec::len), Some(2), "{name}: {listed}");
        assert_eq!(listed[1]["left"], 8, "{name}: {listed}");
    }
}

/// Both start at once on a new database: Dave has one app, whose codes are good once at both.
#[test]
fn give_dave_one_app_together() {
    for _ in 0..3 {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let database = format!("sqlite:{}", folder.path().join("demo.sqlite3").display());
        let database = &*database;
        let demos = thread::scope(|scope| {
            let starting = Demo::NAMES.map(|name| scope.spawn(move || Demo::on(database, name, &[])));
            starting.map(|starting| starting.join().expect("a demo starts"))
        });
        let code = code();
        let [right, again] = demos.each_ref().map(|demo| send_code(demo, &begun(demo), &code));
        assert_eq!((right.status, again.status), (200, 401), "{again:?}");
        let listed = ask(&demos[1], "GET /account/factors", &[&right.session()], "").json();
        assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    }
}

/// Five wrong ones, however they are sent. Then a right one has to wait as well.
#[test]
fn stop_guessing_codes() {
    for name in Demo::NAMES {
        let demo = Demo::start(name, &[]);
        let waiting = begun(&demo);
        for n in 0..5 {
            assert_eq!(send_code(&demo, &waiting, "000000").status, 401, "{name}: {n}");
        }
        let json = send_code(&demo, &waiting, &code());
        let form = format!("code={}", code());
        let page = ask(&demo, "POST /login/factor", &[FORM, &waiting], &form);
        for answer in [&json, &page] {
            let seconds: u64 = answer.header("retry-after").and_then(|time| time.parse().ok()).unwrap_or(0);
            assert!(answer.status == 429 && (1..=30).contains(&seconds), "{name}: {answer:?}");
        }
        assert!(
            page.body.contains("too many wrong codes") && page.body.contains("seconds"),
            "{name}: {page:?}"
        );
        is_nobody_at(&demo, "/open", &waiting);
    }
}

/// Who is nobody, or proves too little, and where they are sent.
#[test]
fn send_people_to_the_step_that_is_missing() {
    for name in Demo::NAMES {
        let demo = Demo::start(name, &[]);
        let basic = format!("authorization: Basic {}", STANDARD.encode("dave:two steps are better"));
        let refused = ask(&demo, "GET /api/me", &[&basic], "");
        assert!(
            refused.status == 401 && refused.head.contains(r#"error="insufficient_user_authentication""#),
            "{name}: {refused:?}"
        );
        for (path, to) in [
            ("/login/factor", "/login"),
            ("/login/factor?next=/me", "/login?next=/me"),
            ("/login/factor?next=//evil.example", "/login?next=/"),
            ("/account/factors", "/login?next=/account/factors"),
            ("/account/factors/new", "/login?next=/account/factors/new"),
        ] {
            let answer = ask(&demo, &format!("GET {path}"), &[PAGE], "");
            assert_eq!((answer.status, answer.header("location")), (303, Some(to)), "{name}: {path}");
        }
        assert_eq!(ask(&demo, "GET /account/factors", &[], "").status, 401, "{name}");
        let late = ask(&demo, "POST /login/factor", &[FORM], "code=123456&next=%2Fme");
        assert!(late.status == 401 && late.body.contains("id=\"password\""), "{name}: {late:?}");
        assert_eq!(send_code(&demo, "accept: */*", "123456").status, 401, "{name}");
        // Carol has no factor, and is not asked for one.
        let carol = cookie(&demo);
        assert_eq!(me(&demo, &carol), "200", "{name}");
        // Credentials of one request are no session to which a code could be added.
        let carols = STANDARD.encode("carol:correct horse battery staple");
        let by_basic = format!("authorization: Basic {carols}");
        let page = ask(&demo, "GET /account/factors", &[&by_basic, PAGE], "");
        assert!(page.status == 401 && page.body.contains("Please sign in again"), "{name}: {page:?}");
        assert_eq!(ask(&demo, "GET /login/factor", &[&by_basic], "").status, 401, "{name}");
        let page = ask(&demo, "GET /login/factor", &[&carol, PAGE], "");
        assert!(page.status == 200 && page.body.contains("/account/factors/new"), "{name}: {page:?}");
        let other_site =
            ask(&demo, "POST /account/factors/new", &[FORM, &carol, "origin: https://evil.example"], "");
        assert_eq!(other_site.status, 403, "{name}: {other_site:?}");
    }
}

/// Dave removes his app while he signs in elsewhere: there his password is enough now.
#[test]
fn go_on_where_nothing_is_missing_any_more() {
    for name in Demo::NAMES {
        let demo = Demo::start(name, &[]);
        let waiting = begun(&demo);
        let session = send_code(&demo, &begun(&demo), &code()).session();
        let listed = ask(&demo, "GET /account/factors", &[&session], "").json();
        let remove = format!("/account/factors/{}/remove", listed[0]["id"].as_str().expect("an id"));
        let page = ask(&demo, &format!("GET {remove}"), &[&session, PAGE], "");
        assert!(page.status == 200 && page.body.contains("It is your last one"), "{name}: {page:?}");
        let removed = ask(&demo, &format!("POST {remove}"), &[FORM, &session], "");
        assert_eq!((removed.status, removed.header("location")), (303, Some("/account/factors")), "{name}");
        let page = ask(&demo, "GET /login/factor?next=/me", &[&waiting, PAGE], "");
        assert!(page.status == 200 && page.body.contains("nothing more is needed"), "{name}: {page:?}");
        is_nobody_at(&demo, "/open", &waiting);
        let done = ask(&demo, "POST /login/factor", &[FORM, &waiting], "next=%2Fme");
        assert_eq!((done.status, done.header("location")), (303, Some("/me")), "{name}: {done:?}");
        assert_eq!(ask(&demo, "GET /open", &[&done.session()], "").body, "dave", "{name}");
    }
}

/// A program enrols, renames and removes, as the pages do; what is not there is not found, and what is not allowed is said.
#[test]
fn let_programs_change_their_factors() {
    let redis = Redis::new().start();
    let in_redis = ["--sessions", &redis.url()];
    for (name, arguments) in Demo::NAMES.iter().flat_map(|name| [(name, &[][..]), (name, &in_redis)]) {
        let demo = Demo::start(name, arguments);
        let mut carol = cookie(&demo);
        let post = |session: &str, path: &str, body: &str| {
            ask(&demo, &format!("POST /account/factors/{path}"), &[JSON, session], body)
        };
        assert_eq!(post(&carol, "recovery-codes", "{}").status, 404, "{name}: they stand in for nothing");
        for (body, status) in [(r#"{"name": " "}"#, 400), ("{}", 400), ("name", 400)] {
            assert_eq!(post(&carol, "new", body).status, status, "{name}: {body}");
        }
        let begun = post(&carol, "new", r#"{"name": "phone"}"#);
        assert_eq!(begun.status, 201, "{name}: {begun:?}");
        let new = begun.json();
        let (id, secret) = (new["id"].as_str().expect("an id"), new["secret"].as_str().expect("a secret"));
        assert!(new["uri"].as_str().is_some_and(|uri| uri.starts_with("otpauth://totp/Auth%20demo:carol?")));
        let confirm = format!("{id}/confirm");
        assert_eq!(post(&carol, &confirm, r#"{"code": "000000"}"#).status, 401, "{name}");
        assert_eq!(me(&demo, &cookie(&demo)), "200", "{name}: it does not count yet");
        let code = secret.parse::<Totp>().expect("a secret").code(SystemClock.now());
        let confirmed = post(&carol, &confirm, &format!(r#"{{"code": "{}"}}"#, code.expose()));
        assert_eq!((confirmed.status, &confirmed.json()["username"]), (200, &"carol".into()), "{name}");
        carol = confirmed.session();
        assert_eq!(me(&demo, &cookie(&demo)), "401", "{name}: from now on she is asked for a code");
        let listed = ask(&demo, "GET /account/factors", &[&carol], "");
        assert!(listed.body.contains("phone") && !listed.body.contains(secret), "{name}: {listed:?}");
        assert_eq!(post(&carol, &format!("{id}/rename"), r#"{"name": "tablet"}"#).status, 204, "{name}");
        assert_eq!(ask(&demo, "GET /account/factors", &[&carol], "").json()[0]["name"], "tablet", "{name}");
        for nobodys in ["00000000000/rename", "x/remove", &format!("{id}/steal"), &confirm] {
            let sent = r#"{"name": "x", "code": "123456"}"#;
            assert_eq!(post(&carol, nobodys, sent).status, 404, "{name}: {nobodys}");
        }
        let page = ask(&demo, "GET /account/factors/00000000000/remove", &[&carol, PAGE], "");
        assert!(page.status == 404 && page.body.contains("No such factor"), "{name}: {page:?}");
        assert_eq!(post(&carol, &format!("{id}/remove"), "{}").status, 204, "{name}");
        assert_eq!(me(&demo, &cookie(&demo)), "200", "{name}: her password is enough again");
        // As many as one may have.
        let statuses: Vec<_> = (0..21).map(|_| post(&carol, "new", r#"{"name": "phone"}"#).status).collect();
        assert_eq!((statuses[0], statuses[20]), (201, 409), "{name}: {statuses:?}");
        let page = ask(&demo, "POST /account/factors/new", &[FORM, &carol], "name=phone");
        assert!(page.status == 409 && page.body.contains("That is enough"), "{name}: {page:?}");
    }
}

/// Whoever was given a password is nobody before they chose one of their own. Nobody else chooses it, and not before the code.
#[tokio::test(flavor = "multi_thread")]
async fn ask_for_a_new_password() {
    for name in Demo::NAMES {
        let demo = Demo::start(name, &[]);
        for user in ["carol", "dave"] {
            demo.give_password(user, "told on the phone").await;
        }
        let by_password = |user: &str, password: &str| {
            let body = format!(r#"{{"username": "{user}", "password": "{password}"}}"#);
            ask(&demo, "POST /login", &[JSON], &body)
        };
        let choose = |session: &str, password: &str| {
            let body = format!(r#"{{"password": "{password}"}}"#);
            ask(&demo, "POST /login/password", &[JSON, session], &body)
        };
        let login = by_password("carol", "told on the phone");
        assert_eq!((login.status, &*login.body), (401, r#"{"needs":["new_password"]}"#), "{name}: {login:?}");
        let waiting = login.session();
        is_nobody(&demo, &waiting);
        let evil = [FORM, &waiting, "origin: https://evil.example"];
        let theirs = ask(&demo, "POST /login/password", &evil, "password=theirs");
        assert_eq!(theirs.status, 403, "{name}: {theirs:?}");
        assert_eq!(choose("accept: */*", "theirs").status, 401, "{name}");
        assert_eq!(ask(&demo, "POST /login/password", &[JSON, &waiting], "{}").status, 400, "{name}");
        let same = choose(&waiting, "told on the phone");
        assert!(same.status == 400 && same.body.contains("Choose another one"), "{name}: {same:?}");
        let empty = choose(&same.session(), "");
        assert_eq!(empty.status, 400, "{name}: {empty:?}");
        let chosen = choose(&empty.session(), "one of my own");
        assert_eq!((chosen.status, &chosen.json()["username"]), (200, &"carol".into()), "{name}: {chosen:?}");
        assert_eq!(ask(&demo, "GET /open", &[&chosen.session()], "").body, "carol", "{name}");
        is_nobody_at(&demo, "/api/me", &waiting);
        assert_eq!(by_password("carol", "told on the phone").status, 401, "{name}");
        assert_eq!(by_password("carol", "one of my own").status, 200, "{name}");

        let login = by_password("dave", "told on the phone");
        assert_eq!(login.body, r#"{"needs":["totp"]}"#, "{name}: the code comes first");
        let early = choose(&login.session(), "one of my own");
        assert_eq!((early.status, &*early.body), (401, r#"{"needs":["totp"]}"#), "{name}: {early:?}");
        let waiting = send_code(&demo, &early.session(), &code());
        assert_eq!(waiting.body, r#"{"needs":["new_password"]}"#, "{name}: {waiting:?}");
        let chosen = choose(&waiting.session(), "one of my own");
        assert_eq!((chosen.status, &chosen.json()["username"]), (200, &"dave".into()), "{name}: {chosen:?}");
    }
}

/// Without a device: whom a browser is asked for, and what is refused.
#[test]
fn ask_for_passkeys() {
    for name in Demo::NAMES {
        let demo = Demo::start(name, &[]);
        let carol = cookie(&demo);
        let anybody = ask(&demo, "POST /login/passkey/options", &[], "");
        assert_eq!((anybody.status, anybody.header("cache-control")), (200, Some("no-store")), "{name}");
        assert!(anybody.head.contains("set-cookie: __Host-"), "{name}: {anybody:?}");
        let options = anybody.json();
        assert_eq!(
            (&options["rpId"], &options["userVerification"]),
            (&"localhost".into(), &"required".into())
        );
        let nobodys = ask(&demo, "POST /login/passkey", &[JSON], r#"{"response": "{}"}"#);
        assert_eq!(nobodys.status, 401, "{name}: {nobodys:?}");
        let nobodys = ask(&demo, "POST /login/passkey", &[FORM], "response=x&next=%2Fme");
        assert!(nobodys.status == 401 && nobodys.body.contains(r#"role="alert""#), "{name}: {nobodys:?}");
        for (path, status) in
            [("/login/factor/passkey/options", 404), ("/account/factors/passkey/options", 200)]
        {
            let post = format!("POST {path}");
            assert_eq!(ask(&demo, &post, &[], "").status, 401, "{name}: {path}");
            assert_eq!(ask(&demo, &post, &[&carol], "").status, status, "{name}: {path}");
        }
        for body in [r#"{"name": "x", "response": "{}"}"#, r#"{"name": "x", "response": ""}"#] {
            let refused = ask(&demo, "POST /account/factors/passkey", &[JSON, &carol], body);
            assert_eq!(refused.status, 401, "{name}: {refused:?}");
        }
        let refused = ask(&demo, "POST /account/factors/passkey", &[FORM, &carol], "name=x&response=x");
        assert!(refused.status == 401 && refused.body.contains("Try again"), "{name}: {refused:?}");
        let page = ask(&demo, "GET /login", &[PAGE], "");
        assert!(
            page.head.contains("script-src 'self';") && !page.head.contains("unsafe"),
            "{name}: {page:?}"
        );
        let script = page.body.split("src=\"").find_map(|rest| rest.strip_prefix("/static/passkeys-"));
        let script = script.and_then(|rest| rest.split('"').next()).expect("a script");
        let script = ask(&demo, &format!("GET /static/passkeys-{script}"), &[], "");
        assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"), "{name}");
    }
}
