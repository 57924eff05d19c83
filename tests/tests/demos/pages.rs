//! What the pages of both demos tell people, and what programs are told in their place.

use integration_tests::process::Demo;
use serde_json::Value;

use super::factors::{Answer, FORM, JSON, PAGE, ask};

const SIGN_OUT: &str = r#"action="/logout""#;
const SIGN_IN: &str = r#"href="/login">Sign in</a>"#;
const BOB: &str = r#"{"username": "bob", "password": "builder"}"#;
const WRITTEN: &str = "\"><script>";
const ESCAPED: &str = "&#34;&#62;&#60;script&#62;";

fn bob(demo: &Demo) -> String {
    let answer = ask(demo, "POST /login", &[JSON], BOB);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.session()
}

fn is_page(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
    assert!(answer.body.contains(&format!(r#"<p class="eyebrow">{status}</p>"#)), "{answer:?}");
}

/// Whoever is signed in stays so on pages about errors, and whoever is not may sign in there.
#[test]
fn errors_know_who_is_asking() {
    for name in Demo::NAMES {
        let demo = Demo::start(name, &[]);
        let session = bob(&demo);
        for (request, for_bob, for_others) in [
            ("GET /members", 403, None),
            ("GET /nothing", 404, Some(404)),
            ("GET /account/nothing/at/all", 404, Some(404)),
            ("POST /account/keys/00000000000/revoke", 404, None),
            ("GET /account/factors/00000000001/remove", 404, None),
            ("GET /logout", 405, Some(405)),
            ("POST /me", 405, Some(405)),
            ("GET /login/passkey/options", 405, Some(405)),
        ] {
            let signed_in = ask(&demo, request, &[&session, PAGE], "");
            is_page(&signed_in, for_bob);
            let body = &signed_in.body;
            assert!(body.contains(SIGN_OUT) && body.contains("</span>bob</span>"), "{name}: {signed_in:?}");
            assert!(!body.contains(SIGN_IN), "{name}: {signed_in:?}");
            if let Some(status) = for_others {
                let nobody = ask(&demo, request, &[PAGE], "");
                is_page(&nobody, status);
                assert!(nobody.body.contains(SIGN_IN) && !nobody.body.contains(SIGN_OUT), "{nobody:?}");
            }
        }
    }
}

/// Programs read a problem (RFC 9457), the same on both demos.
#[test]
fn programs_read_problems() {
    for name in Demo::NAMES {
        let demo = Demo::start(name, &[]);
        let session = bob(&demo);
        for (request, status, title) in [
            ("GET /members", 403, "Forbidden"),
            ("GET /nothing", 404, "Not Found"),
            ("DELETE /account/keys/00000000000", 404, "Not Found"),
            ("POST /me", 405, "Method Not Allowed"),
        ] {
            let answer = ask(&demo, request, &[&session, "accept: application/json"], "");
            assert_eq!(answer.status, status, "{name}: {answer:?}");
            assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{name}: {answer:?}");
            let problem = answer.json();
            assert_eq!((&problem["status"], &problem["title"]), (&status.into(), &title.into()), "{name}");
        }
        let allowed = ask(&demo, "POST /me", &[&session, PAGE], "");
        assert!(allowed.header("allow").is_some_and(|allow| allow.contains("GET")), "{name}: {allowed:?}");
    }
}

/// What another site sends is refused before anybody is looked for: the page claims neither.
#[test]
fn forms_of_other_sites_are_told_from_what_is_forbidden() {
    for name in Demo::NAMES {
        let demo = Demo::start(name, &[]);
        let session = bob(&demo);
        let from = ["origin: https://evil.example", "sec-fetch-site: cross-site", "sec-fetch-mode: navigate"];
        let lines = [&from[..], &[FORM, PAGE, &session]].concat();
        let answer = ask(&demo, "POST /logout", &lines, "");
        assert_eq!(answer.status, 403, "{name}: {answer:?}");
        assert!(answer.body.contains("sent by another site"), "{name}: {answer:?}");
        assert!(!answer.body.contains(SIGN_IN) && !answer.body.contains("permission"), "{name}: {answer:?}");
        assert_eq!(ask(&demo, "GET /open", &[&session], "").body, "bob", "{name}");
    }
}

fn field<'a>(page: &'a Answer, id: &str) -> &'a str {
    let start = page.body.find(&format!(r#"<input id="{id}""#)).unwrap_or_else(|| panic!("{id}: {page:?}"));
    page.body[start..].split_inclusive('>').next().unwrap_or_default()
}

/// The name stays, as text and no more. The password does not.
#[test]
fn a_wrong_password_leaves_the_user_name() {
    for name in Demo::NAMES {
        let demo = Demo::start(name, &[]);
        for (typed, shown) in
            [("alice", "alice"), ("nobody%26", "nobody&#38;"), ("%22%3E%3Cscript%3E", ESCAPED)]
        {
            let body = format!("username={typed}&password=canary-secret&next=%2Fme");
            let page = ask(&demo, "POST /login", &[FORM, PAGE], &body);
            assert_eq!(page.status, 401, "{name}: {page:?}");
            assert!(!page.body.contains("canary") && !page.body.contains(WRITTEN), "{name}: {page:?}");
            assert!(page.body.contains(r#"<p id="notice" class="notice" role="alert">"#), "{name}: {page:?}");
            let (username, password) = (field(&page, "username"), field(&page, "password"));
            for wanted in [&*format!(r#"value="{shown}""#), r#"autocomplete="username webauthn""#] {
                assert!(username.contains(wanted), "{name}: {wanted}: {username}");
            }
            for wanted in [r#"autocomplete="current-password""#, "autofocus"] {
                assert!(password.contains(wanted), "{name}: {wanted}: {password}");
            }
            for field in [username, password] {
                assert!(field.contains(r#"aria-describedby="notice""#), "{name}: {field}");
            }
            assert!(!password.contains("value="), "{name}: {password}");
        }
        let twice = ask(&demo, "POST /login", &[FORM, PAGE], "username=a&username=b&password=c");
        assert!(field(&twice, "username").contains(r#"value="""#), "{name}: {twice:?}");
    }
}

/// The login page tells whoever is signed in that they are, and offers both ways out.
#[test]
fn the_login_page_knows_who_is_signed_in() {
    for name in Demo::NAMES {
        let demo = Demo::start(name, &[]);
        let session = bob(&demo);
        for (path, heading, way_on) in [
            ("/login", "You are signed in as", r#"href="/">Continue"#),
            ("/login?next=//evil.example", "You are signed in as", r#"href="/">Continue"#),
            ("/login?next=/account/keys", "Confirm it is you", r#"href="/">Back to the home page"#),
        ] {
            let page = ask(&demo, &format!("GET {path}"), &[&session, PAGE], "");
            assert_eq!(page.status, 200, "{name}: {page:?}");
            let (_, main) = page.body.split_once("<main").expect("a main part");
            for wanted in
                [heading, r#"<span id="signed-in">bob</span>"#, way_on, SIGN_OUT, "as somebody else"]
            {
                assert!(main.contains(wanted), "{name}: {path}: {wanted}: {main}");
            }
            let nobody = ask(&demo, &format!("GET {path}"), &[PAGE], "");
            assert!(
                !nobody.body.contains("signed-in") && !nobody.body.contains("somebody else"),
                "{nobody:?}"
            );
        }
        let form = "username=alice&password=wonderland";
        let other = ask(&demo, "POST /login", &[FORM, PAGE, &session], form);
        assert_eq!(other.status, 303, "{name}: {other:?}");
        assert_eq!(ask(&demo, "GET /open", &[&other.session()], "").body, "alice", "{name}");
        assert_eq!(ask(&demo, "GET /open", &[&session], "").body, "anonymous", "{name}: that one is over");
    }
}

/// A program is told which fields are wrong, and none of what it sent.
#[test]
fn json_names_the_fields_that_are_wrong() {
    for name in Demo::NAMES {
        let demo = Demo::start(name, &[]);
        for (path, body, named, detail) in [
            ("/login", r#"{"username": "canary"}"#, &["password"][..], "`password` is missing"),
            ("/login", r#"{"password": "canary"}"#, &["username"], "`username` is missing"),
            ("/login", "{}", &["username", "password"], "`password` is missing"),
            ("/login", r#"{"username": "a", "password": 77}"#, &["password"], "`password` must be a string"),
            (
                "/login",
                r#"{"username": ["canary"], "password": "canary"}"#,
                &["username"],
                "`username` must be a string",
            ),
            ("/login", r#"{"username": "canary", "#, &[], "must be a JSON object"),
            ("/login", r#"["canary", "canary"]"#, &[], "must be a JSON object"),
            ("/login/factor", r#"{"next": "/"}"#, &["code"], "`code` is missing"),
            ("/login/factor", r#"{"code": 778899}"#, &["code"], "`code` must be a string"),
            ("/login/factor", r#"{"code": "1", "trust": "77"}"#, &["trust"], "`trust` must be true or false"),
            ("/login/password", "{}", &["password"], "`password` is missing"),
        ] {
            let answer = ask(&demo, &format!("POST {path}"), &[JSON], body);
            assert_eq!(answer.status, 400, "{name}: {body}: {answer:?}");
            assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{name}: {answer:?}");
            let problem = answer.json();
            let errors = problem["errors"].as_array().map_or(&[][..], Vec::as_slice);
            let pointers: Vec<_> = errors.iter().filter_map(|error| error["pointer"].as_str()).collect();
            let expected: Vec<_> = named.iter().map(|field| format!("#/{field}")).collect();
            assert_eq!(pointers, expected, "{name}: {body}: {answer:?}");
            let told = problem["detail"].as_str().unwrap_or_default();
            assert!(told.contains(detail), "{name}: {body}: {told}");
            assert!(!answer.body.contains("canary") && !answer.body.contains("77"), "{name}: {answer:?}");
            assert_eq!(problem["status"], Value::from(400), "{name}");
        }
        let answer = ask(&demo, "POST /login", &["content-type: text/plain"], "canary");
        assert_eq!((answer.status, &answer.json()["status"]), (415, &415.into()), "{name}: {answer:?}");
    }
}
