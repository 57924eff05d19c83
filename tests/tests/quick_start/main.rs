//! The programs of the guide's "ten minutes", as somebody finds them who has nothing else: pasted into a folder outside
//! this workspace, compiled with the `Cargo.toml` that stands beside them, and used. And the README's first command: the
//! demo, which must not take long to build.

mod demo;
mod mistakes;
mod project;
mod running;

use integration_tests::site::{Answer, Request};
use project::Project;
use running::Running;

const PASSWORD: &str = "correct horse battery staple";

#[test]
fn axum() {
    tell("axum");
}

#[test]
fn actix() {
    tell("actix");
}

/// What stands on one page, from the first visit to the logout; and what its program says if it makes no tables.
fn tell(framework: &str) {
    let project = Project::pasted(framework);
    story(&project.start());
    let careless = project.without("migrate()");
    without_tables(&careless.start());
}

fn log_in(target: &str, password: &str) -> Request {
    Request::post(target, &[("username", "alice"), ("password", password)]).navigating()
}

fn story(site: &Running) {
    let page = site.send(&Request::get("/me").navigating());
    assert_eq!((page.status, page.one("location")), (303, "/login?next=/me"), "{page:?}");
    assert_eq!(site.send(&Request::get("/me")).status, 401);
    let form = site.send(&Request::get("/login?next=%2Fme").navigating());
    assert!(form.status == 200 && is_form(&form) && !form.body.contains("not right"), "{form:?}");

    let wrong = site.send(&log_in("/login?next=%2Fme", "wrong"));
    assert!(wrong.status == 401 && is_form(&wrong) && wrong.body.contains("not right"), "{wrong:?}");
    assert_eq!(wrong.token(), None);
    let elsewhere = site.send(&log_in("/login?next=https%3A%2F%2Fevil.example%2F", PASSWORD));
    assert_eq!((elsewhere.status, elsewhere.one("location")), (303, "/"), "{elsewhere:?}");

    let right = site.send(&log_in("/login?next=%2Fme", PASSWORD));
    assert_eq!((right.status, right.one("location")), (303, "/me"), "{right:?}");
    let token = right.token().expect("a session");
    let mine = site.send(&Request::get("/me").navigating().cookie(&token));
    assert_eq!((mine.status, &*mine.body), (200, "You are alice"), "{mine:?}");

    let home = site.send(&Request::get("/").navigating().cookie(&token));
    assert!(home.body.contains("action=\"/logout\""), "{home:?}");
    let out = site.send(&Request::post("/logout", &[]).navigating().cookie(&token));
    assert_eq!((out.status, out.one("location")), (303, "/"), "{out:?}");
    assert_eq!(site.send(&Request::get("/me").navigating().cookie(&token)).status, 303);
    assert_eq!(site.stderr(), "", "nothing went wrong");
}

/// A form for a person, and not a problem for a program.
fn is_form(answer: &Answer) -> bool {
    let is_page = answer.one("content-type").starts_with("text/html");
    is_page && answer.body.contains("<form") && answer.body.contains("name=\"password\"")
}

/// Whoever forgets the tables reads so, though the program logs nothing.
fn without_tables(site: &Running) {
    let login = site.send(&log_in("/login", PASSWORD));
    assert!(login.status == 503 && is_form(&login) && login.body.contains("in a moment"), "{login:?}");
    assert!(!login.one("retry-after").is_empty(), "{login:?}");
    let somebody = "B".repeat(43);
    assert_eq!(site.send(&Request::get("/me").cookie(&somebody)).status, 503);
    for table in ["auth_users", "auth_sessions"] {
        let told = site.stderr();
        let missing = format!("table `{table}` is missing: call `migrate()`");
        assert_eq!(told.matches(&missing).count(), 1, "{told}");
    }
}
