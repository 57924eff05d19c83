//! The example `ldap-then-sql`, on both frameworks, with a real directory: who vouches, who is told what while the
//! directory is down, and that groups come and go.

use integration_tests::process::Demo;
use integration_tests::remote::Remote;
use integration_tests::site::{Answer, Request};
use test_servers::OpenLdap;

const PROGRAMS: [&str; 2] = ["ldap-then-sql", "ldap-then-sql-actix"];
const CAROL: &str = "correct horse battery staple";

struct Site {
    directory: OpenLdap,
    remote: Remote,
    _demo: Demo,
}

impl Site {
    fn start(program: &str) -> Self {
        let directory = OpenLdap::new().start();
        let authority = directory.folder().join("authority.pem");
        let arguments =
            ["--directory", &directory.url(), "--authority", authority.to_str().expect("a plain path")];
        let demo = Demo::example(program, &arguments);
        Self { directory, remote: Remote::new(&demo), _demo: demo }
    }

    /// The answer, if the site is not only too busy for one.
    async fn log_in(&mut self, username: &str, password: &str) -> Answer {
        self.remote.answered(&login(username, password)).await.expect("an answer")
    }

    /// The first answer, whatever it is.
    async fn try_to_log_in(&mut self, username: &str, password: &str) -> Answer {
        self.remote.send(&login(username, password)).await.expect("an answer")
    }

    /// What the page says to this session: the name, the backend and the rights.
    async fn shown(&mut self, login: &Answer) -> [String; 3] {
        let token = login.token().unwrap_or_else(|| panic!("no session: {login:?}"));
        let page = self.remote.answered(&Request::get("/").cookie(&token)).await.expect("an answer");
        ["username", "backend", "rights"].map(|id| text(&page.body, id))
    }
}

fn login(username: &str, password: &str) -> Request {
    Request::post("/login", &[("username", username), ("password", password)])
}

/// The text of the element with this id.
fn text(page: &str, id: &str) -> String {
    let after = page.split_once(&format!("id=\"{id}\">")).map(|(_, after)| after);
    after.and_then(|after| after.split('<').next()).unwrap_or_default().to_owned()
}

/// The whole story, on one framework.
async fn story(program: &str) {
    let mut site = Site::start(program);
    let table = [
        ("alice", "alicepw", ["alice", "directory", "staff, admins"]),
        ("ALICE", "alicepw", ["alice", "directory", "staff, admins"]),
        ("bob", "bobpw", ["bob", "directory", "staff"]),
        ("carol", CAROL, ["carol", "local", "none"]),
    ];
    for (username, password, expected) in table {
        let login = site.log_in(username, password).await;
        assert_eq!((login.status, site.shown(&login).await), (303, expected.map(String::from)), "{username}");
    }
    for (username, password) in
        [("alice", "wrong"), ("carol", "wrong"), ("locked", "lockedpw"), ("eve", "evepw")]
    {
        let login = site.log_in(username, password).await;
        assert_eq!((login.status, login.token()), (401, None), "{program}: {username}");
        assert!(login.body.contains("role=\"alert\""), "{}", login.body);
    }
    let bob = site.log_in("bob", "bobpw").await;

    site.directory.kill();
    for (username, password) in [("alice", "alicepw"), ("alice", "wrong"), ("eve", "evepw")] {
        let login = site.try_to_log_in(username, password).await;
        assert_eq!((login.status, login.token()), (503, None), "{program}: {username}, while it is down");
        assert!(!login.one("retry-after").is_empty());
    }
    let carol = site.log_in("carol", CAROL).await;
    assert_eq!(site.shown(&carol).await[1], "local", "{program}: carol is none of the directory's");
    assert_eq!(site.shown(&bob).await[1], "directory", "{program}: who is signed in stays so");

    site.directory.start_again();
    site.directory.modify(&format!(
        "dn: cn=staff,ou=groups,{base}\nchangetype: modify\ndelete: member\nmember: uid=bob,ou=people,{base}\n",
        base = OpenLdap::BASE
    ));
    let login = site.log_in("bob", "bobpw").await;
    assert_eq!(site.shown(&login).await[2], "none", "{program}: out of the group");
}

#[tokio::test]
async fn axum() {
    story(PROGRAMS[0]).await;
}

#[tokio::test]
async fn actix() {
    story(PROGRAMS[1]).await;
}
